// The two-operand functions on words; grilly_vk/ops/elementwise.py numbers them in the same order.
const uint ADD = 0, SUB = 1, MUL = 2, DIV = 3, POW = 4, MAXIMUM = 5, MINIMUM = 6, EQ = 7, NE = 8, LT = 9, LE = 10,
           GT = 11, GE = 12, AND = 13, OR = 14, XOR = 15, MOD = 16, FLOORDIV = 17;

#include "math.glsl"

// a * b as a rounded product and what rounding took off it (T. J. Dekker, 1971).
float product_error(float a, float b, float product)
{
    precise float ah = a * 4097.0, bh = b * 4097.0;
    ah = ah - (ah - a);
    bh = bh - (bh - b);
    precise float al = a - ah, bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

// a^b for a > 0, finite: exp(b log(a)) with the logarithm and the product in two floats each.
float positive_power(float a, float b)
{
    uint bits = floatBitsToUint(a);
    bool small = bits < 0x00800000u;
    bits = (small ? floatBitsToUint(float(bits)) : bits) + (0x3F800000u - 0x3F3504F3u);
    precise float e = float(int(bits >> 23)) - (small ? 276.0 : 127.0);
    precise float f = uintBitsToFloat((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0;
    // log(1 + f) = 2 artanh(s), s = f / (2 + f)
    precise float below = 2.0 + f, below_rest = f - (below - 2.0);
    precise float s = f / below, product = s * below;
    precise float s_rest = (((f - product) - product_error(s, below, product)) - s * below_rest) / below;
    precise float u = s * s;
    precise float tail = s * (u * ((((0.11612165 * u + 0.10853288) * u + 0.14296179) * u + 0.19999853) * u + 0.33333334));
    precise float first = e * 0.693359375, second = 2.0 * s, sum = first + second;
    precise float back = sum - first, sum_rest = (first - (sum - back)) + (second - back);
    precise float low = sum_rest + (2.0 * (s_rest + tail) - e * 2.12194440e-4);
    precise float high = sum + low;
    low = low - (high - sum);
    b = clamp(b, -1e12, 1e12); // no result but 0, 1 and infinity lies beyond
    precise float exponent = b * high;
    precise float rest = product_error(b, high, exponent) + b * low;
    return exponential(exponent) * (1.0 + rest);
}

// pow for any base, as C defines it: GLSL leaves negative bases undefined.  Smallest whole powers are products.
float power(float a, float b)
{
    if (b == 0.0 || a == 1.0 || (a == -1.0 && abs(b) == infinity()))
        return 1.0;
    if (is_nan(a) || is_nan(b))
        return nan();
    bool whole = b == floor(b), odd = whole && abs(b) < 16777216.0 && (int(b) & 1) != 0;
    bool negative = (floatBitsToUint(a) & 0x80000000u) != 0u;
    float size = abs(a), r = size;
    if ((floatBitsToUint(a) & 0x7FFFFFFFu) == 0u)
        return b > 0.0 ? (odd ? a : 0.0) : odd ? uintBitsToFloat(0x7F800000u | floatBitsToUint(a)) : infinity();
    if (negative && !whole && size < infinity())
        return nan();
    if (size == infinity())
        r = b > 0.0 ? infinity() : 0.0;
    else if (abs(b) == infinity())
        r = (size > 1.0) == (b > 0.0) ? infinity() : 0.0;
    else if (whole && abs(b) <= 4.0) {
        r = abs(b) == 1.0 ? size : abs(b) == 2.0 ? size * size : abs(b) == 3.0 ? size * size * size
          : (size * size) * (size * size);
        r = b < 0.0 ? quotient(1.0, r) : r;
    } else
        r = positive_power(size, b);
    return negative && odd ? -r : r;
}

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
