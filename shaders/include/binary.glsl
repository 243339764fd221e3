// The two-operand functions on words; grilly_vk/ops/elementwise.py numbers them in the same order.
const uint ADD = 0, SUB = 1, MUL = 2, DIV = 3, POW = 4, MAXIMUM = 5, MINIMUM = 6, EQ = 7, NE = 8, LT = 9, LE = 10,
           GT = 11, GE = 12, AND = 13, OR = 14, XOR = 15, MOD = 16;

bool is_nan(float v) { return (floatBitsToUint(v) & 0x7FFFFFFFu) > 0x7F800000u; }

// pow for any base, as C defines it: GLSL leaves negative bases undefined.
float power(float a, float b)
{
    if (b == 0.0 || a == 1.0)
        return 1.0;
    if (is_nan(a) || is_nan(b))
        return a + b;
    bool whole = b == floor(b), odd = whole && abs(b) < 16777216.0 && (int(b) & 1) != 0;
    if (b == 2.0)
        return a * a;
    if (b == 1.0)
        return a;
    if (a == 0.0)
        return b > 0.0 ? (odd ? a : 0.0) : uintBitsToFloat(0x7F800000u | (odd ? floatBitsToUint(a) & 0x80000000u : 0u));
    if (a < 0.0 && !whole && abs(a) < uintBitsToFloat(0x7F800000u))
        return uintBitsToFloat(0x7FC00000u);
    float r = pow(abs(a), b);
    return a < 0.0 && odd ? -r : r;
}

uint of_floats(float a, float b)
{
    switch (OP) {
    case ADD: return floatBitsToUint(a + b);
    case SUB: return floatBitsToUint(a - b);
    case MUL: return floatBitsToUint(a * b);
    case DIV: return floatBitsToUint(a / b);
    case POW: return floatBitsToUint(power(a, b));
    case MAXIMUM: return is_nan(a) ? floatBitsToUint(a) : is_nan(b) ? floatBitsToUint(b) : floatBitsToUint(max(a, b));
    case MINIMUM: return is_nan(a) ? floatBitsToUint(a) : is_nan(b) ? floatBitsToUint(b) : floatBitsToUint(min(a, b));
    case EQ: return uint(a == b);
    case NE: return uint(!(a == b));
    case LT: return uint(a < b);
    case LE: return uint(a <= b);
    case GT: return uint(a > b);
    case GE: return uint(a >= b);
    default: return floatBitsToUint(a - b * floor(a / b)); // MOD
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
    default: return b == 0 ? 0u : uint(a - b * int(floor(float(a) / float(b))));
    }
}

// TYPE: 0 float, else int, uint or bool, whose bits behave alike here.
uint of_words(uint a, uint b)
{
    return TYPE == 0 ? of_floats(uintBitsToFloat(a), uintBitsToFloat(b)) : of_ints(int(a), int(b));
}
