#version 450
// One value wherever a mask is true, in place; `inner` elements for each of the mask.
#include "common.glsl"

READS(0, uint, mask);
READS(1, uint, value);
WRITES(2, uint, y);
layout(push_constant) uniform Push { OFFSETS(3); uint n; uint inner; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        if (AT(mask, i / p.inner) != 0)
            AT(y, i) = AT(value, 0);
}
