#version 450
// Sets words to one bit pattern.
#include "common.glsl"

layout(std430, binding = 0) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push { uint dst_at; uint n; uint bits; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        dst[p.dst_at + i] = p.bits;
}
