#version 450
// z = f(x, y) over up to six axes with numpy's broadcasting: a stride of 0 repeats an operand.
// SAME: both operands are laid out like the result, and the axes are not looked at.
#include "common.glsl"
#include "axes.glsl"

layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint TYPE = 0; // of the operands: 0 float, 1 int, 2 uint and bool
layout(constant_id = 3) const uint SAME = 0;

const uint ADD = 0, SUB = 1, MUL = 2, DIV = 3, POW = 4, MAXIMUM = 5, MINIMUM = 6, EQ = 7, NE = 8, LT = 9, LE = 10,
           GT = 11, GE = 12, AND = 13, OR = 14, XOR = 15, MOD = 16;

layout(std430, binding = 0) readonly buffer X { uint x[]; };
layout(std430, binding = 1) readonly buffer Y { uint y[]; };
layout(std430, binding = 2) writeonly buffer Z { uint z[]; };
layout(push_constant) uniform Push {
    uint x_at; uint y_at; uint z_at; uint n;
    uint d1; uint d2; uint d3; uint d4; uint d5;
    uint x0; uint x1; uint x2; uint x3; uint x4; uint x5;
    uint y0; uint y1; uint y2; uint y3; uint y4; uint y5;
} p;

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

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint xi = i, yi = i;
        if (SAME == 0) {
            uint at[6] = axes(i, uint[5](p.d1, p.d2, p.d3, p.d4, p.d5));
            xi = place(at, uint[6](p.x0, p.x1, p.x2, p.x3, p.x4, p.x5));
            yi = place(at, uint[6](p.y0, p.y1, p.y2, p.y3, p.y4, p.y5));
        }
        uint a = x[p.x_at + xi], b = y[p.y_at + yi];
        z[p.z_at + i] = TYPE == 0   ? of_floats(uintBitsToFloat(a), uintBitsToFloat(b))
                        : TYPE == 1 ? of_ints(int(a), int(b))
                                    : of_ints(int(a), int(b));
    }
}
