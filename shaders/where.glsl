#version 450
// variants: vec4
// z = c ? x : y, element by element.
#include "common.glsl"
#include "vector.glsl"

READS(0, COUNT, c);
READS(1, COUNT, x);
READS(2, COUNT, y);
WRITES(3, COUNT, z);
layout(push_constant) uniform Push { OFFSETS(4); uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(z, i) = mix(AT(y, i), AT(x, i), NONE(EQUAL(AT(c, i), COUNT(0))));
}
