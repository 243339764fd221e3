#version 450
// z = c ? x : y, element by element.
#include "common.glsl"

READS(0, uint, c);
READS(1, uint, x);
READS(2, uint, y);
WRITES(3, uint, z);
layout(push_constant) uniform Push { OFFSETS(4); uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(z, i) = AT(c, i) != 0 ? AT(x, i) : AT(y, i);
}
