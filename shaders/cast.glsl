#version 450
// Values from one element type to another; all take four bytes.
#include "common.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint FROM = 0; // 0 float, 1 int, 2 uint, 3 bool
layout(constant_id = 2) const uint TO = 0;

layout(std430, binding = 0) readonly buffer X { uint x[]; };
layout(std430, binding = 1) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push { uint x_at; uint y_at; uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint bits = x[p.x_at + i];
        float value = FROM == 0 ? uintBitsToFloat(bits) : FROM == 1 ? float(int(bits)) : float(bits);
        uint whole = FROM != 0 ? bits : TO == 2 ? natural(value) : uint(integer(value));
        // -0.0 has bits but is false; NaN is true.
        uint truth = FROM == 0 ? uint((bits & 0x7FFFFFFFu) != 0) : uint(bits != 0);
        y[p.y_at + i] = TO == 0 ? floatBitsToUint(value) : TO == 3 ? truth : whole;
    }
}
