#version 450
// The raw words of the random generator, for chosen counters.
#include "common.glsl"
#include "philox.glsl"

READS(0, uvec4, counter);
WRITES(1, uvec4, y);
layout(push_constant) uniform Push { OFFSETS(2); uint n; uint key0; uint key1; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(y, i) = philox(AT(counter, i), uvec2(p.key0, p.key1));
}
