#version 450
// Sets words to one bit pattern.
#include "common.glsl"

WRITES(0, uint, dst);
layout(push_constant) uniform Push { OFFSETS(1); uint n; uint bits; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(dst, i) = p.bits;
}
