#version 450
// Which floats are NaN, infinite or neither, by their bits: drivers may assume that there is no NaN.
#include "common.glsl"

layout(constant_id = 1) const uint KIND = 0; // 0 NaN, 1 infinite, 2 finite

layout(std430, binding = 0) readonly buffer X { uint x[]; };
layout(std430, binding = 1) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push { uint x_at; uint y_at; uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint size = x[p.x_at + i] & 0x7FFFFFFFu;
        y[p.y_at + i] = uint(KIND == 0 ? size > 0x7F800000u : KIND == 1 ? size == 0x7F800000u : size < 0x7F800000u);
    }
}
