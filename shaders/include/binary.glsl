// The two-operand functions on words; grilly_vk/ops/pointwise.py numbers them in the same order.
const uint ADD = 0, SUB = 1, MUL = 2, DIV = 3, POW = 4, MAXIMUM = 5, MINIMUM = 6, EQ = 7, NE = 8, LT = 9, LE = 10,
           GT = 11, GE = 12, AND = 13, OR = 14, XOR = 15, MOD = 16, FLOORDIV = 17;

#include "power.glsl"

// The remainder of x / y without rounding, by long division of the mantissas, all as the bits of floats without their
// signs; x finite, y not 0.
uint exact_remainder(uint x, uint y)
{
    if (x < y)
        return x;
    uint ex = x >> 23, ey = y >> 23;
    uint m = ex == 0 ? x : (x & 0x7FFFFFu) | 0x800000u, n = ey == 0 ? y : (y & 0x7FFFFFu) | 0x800000u;
    ex = max(ex, 1u);
    ey = max(ey, 1u);
    m %= n;
    for (; ex > ey; ex--)
        m = m * 2u % n;
    // m * 2**(ey - 150), put together bit by bit.
    if (m == 0)
        return 0u;
    uint up = 23u - uint(findMSB(m));
    return ey > up ? (ey - up) << 23 | ((m << up) & 0x7FFFFFu) : m << (ey - 1u);
}

// Python's and numpy's %: the result has the sign of b.  By bits, since a driver may take what is denormal for 0.
float modulo(float a, float b)
{
    uint top = 0x80000000u, x = floatBitsToUint(a) & ~top, y = floatBitsToUint(b) & ~top;
    if (x >= 0x7F800000u || y > 0x7F800000u || y == 0u)
        return nan();
    uint r = y == 0x7F800000u ? x : exact_remainder(x, y);
    if (r != 0u && ((floatBitsToUint(a) ^ floatBitsToUint(b)) & top) != 0u) {
        if (y < 0x01000000u)
            r = y - r; // the bits of the smallest numbers are a number line
        else
            r = y == 0x7F800000u ? y : floatBitsToUint(uintBitsToFloat(y) - uintBitsToFloat(r));
    }
    return uintBitsToFloat(r | (floatBitsToUint(b) & top));
}

// As numpy: floor of the exact quotient.
float floor_division(float a, float b)
{
    if (b == 0.0 || is_nan(a) || is_nan(b))
        return quotient(a, b);
    if (abs(a) == infinity())
        return nan();
    return abs(b) == infinity() ? (a != 0.0 && (a < 0.0) != (b < 0.0) ? -1.0 : 0.0) : round((a - modulo(a, b)) / b);
}

// |a| / |b| or its remainder on the magnitudes, rounded down like Python; 0 where b is 0, as in numpy.
int whole_division(int a, int b, bool remainder)
{
    if (b == 0)
        return 0;
    uint x = a < 0 ? 0u - uint(a) : uint(a), y = b < 0 ? 0u - uint(b) : uint(b);
    uint quotient = x / y, rest = x % y;
    bool apart = (a < 0) != (b < 0);
    if (remainder)
        return int(rest == 0 ? 0u : b < 0 ? (apart ? rest - y : 0u - rest) : (apart ? y - rest : rest));
    return int(apart ? 0u - quotient - uint(rest != 0) : quotient);
}

uint of_floats(float a, float b)
{
    switch (OP) {
    case ADD: return floatBitsToUint(a + b);
    case SUB: return floatBitsToUint(a - b);
    case MUL: return floatBitsToUint(a * b);
    case DIV: return floatBitsToUint(quotient(a, b));
    case POW: return floatBitsToUint(power(a, b));
    case MAXIMUM: return is_nan(a) ? floatBitsToUint(a) : is_nan(b) ? floatBitsToUint(b) : floatBitsToUint(max(a, b));
    case MINIMUM: return is_nan(a) ? floatBitsToUint(a) : is_nan(b) ? floatBitsToUint(b) : floatBitsToUint(min(a, b));
    case EQ: return uint(a == b);
    case NE: return uint(!(a == b));
    case LT: return uint(a < b);
    case LE: return uint(a <= b);
    case GT: return uint(a > b);
    case GE: return uint(a >= b);
    case MOD: return floatBitsToUint(modulo(a, b));
    default: return floatBitsToUint(floor_division(a, b));
    }
}

uint of_ints(int a, int b)
{
    switch (OP) {
    case ADD: return uint(a + b);
    case SUB: return uint(a - b);
    case MUL: return uint(a * b);
    case MAXIMUM: return uint(max(a, b));
    case MINIMUM: return uint(min(a, b));
    case EQ: return uint(a == b);
    case NE: return uint(a != b);
    case LT: return uint(a < b);
    case LE: return uint(a <= b);
    case GT: return uint(a > b);
    case GE: return uint(a >= b);
    case AND: return uint(a & b);
    case OR: return uint(a | b);
    case XOR: return uint(a ^ b);
    case MOD: return uint(whole_division(a, b, true));
    default: return uint(whole_division(a, b, false));
    }
}

// TYPE: 0 float, else int or bool, whose bits behave alike here.
uint of_words(uint a, uint b)
{
    return TYPE == 0 ? of_floats(uintBitsToFloat(a), uintBitsToFloat(b)) : of_ints(int(a), int(b));
}
