#version 450
// variants: vec4
// Values from one element type to another; all take four bytes.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint FROM = 0; // 0 float, 1 int, 2 uint, 3 bool
layout(constant_id = 2) const uint TO = 0;

READS(0, COUNT, x);
WRITES(1, COUNT, y);
layout(push_constant) uniform Push { OFFSETS(2); uint n; } p;

uint converted(uint bits)
{
    float value = FROM == 0 ? uintBitsToFloat(bits) : FROM == 1 ? float(int(bits)) : float(bits);
    uint whole = FROM != 0 ? bits : TO == 2 ? natural(value) : uint(integer(value));
    // -0.0 has bits but is false; NaN is true.
    uint truth = FROM == 0 ? uint((bits & 0x7FFFFFFFu) != 0) : uint(bits != 0);
    return TO == 0 ? floatBitsToUint(value) : TO == 3 ? truth : whole;
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT bits = AT(x, i);
#if VEC == 4
        for (uint k = 0; k < 4; k++)
            bits[k] = converted(bits[k]);
        AT(y, i) = bits;
#else
        AT(y, i) = converted(bits);
#endif
    }
}
