#version 450
// variants: vec4
// Copies words from one segment to another: the way in and out of memory that the host cannot see.
#include "common.glsl"
#include "vector.glsl"

READS(0, COUNT, src);
WRITES(1, COUNT, dst);
layout(push_constant) uniform Push { OFFSETS(2); uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(dst, i) = AT(src, i);
}
