#version 450
// variants: vec4
// Gradient of spike times by the rule dt/ds = -1 at the first spike, or at the last step where there is none.
#include "common.glsl"
#include "vector.glsl"

READS(0, COUNT, first); // (n), the last step where there is none
READS(1, REAL, g); // (n)
WRITES(2, REAL, gs); // (T, n)
layout(push_constant) uniform Push { OFFSETS(3); uint n; uint start; uint steps; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT at = AT(first, i);
        REAL pull = -AT(g, i);
        for (uint t = 0; t < p.steps; t++)
            AT(gs, t * p.n + i) = mix(REAL(0.0), pull, EQUAL(at, COUNT(p.start + t)));
    }
}
