#version 450
// The places of the true elements, in order, from the running count of them.
#include "common.glsl"

READS(0, uint, mask);
READS(1, uint, count); // up to and with each element
WRITES(2, int, place);
layout(push_constant) uniform Push { OFFSETS(3); uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        if (AT(mask, i) != 0)
            AT(place, AT(count, i) - 1) = int(i);
}
