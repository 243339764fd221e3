#version 450
// variants: vec4
// The step of each element's first spike; `never` where there is none.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, s); // (T, n)
CHANGES(1, COUNT, first); // (n)
layout(push_constant) uniform Push { OFFSETS(2); uint n; uint start; uint steps; uint never; } p;

void main()
{
    COUNT never = COUNT(p.never);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT when = p.start == 0 ? never : AT(first, i);
        for (uint t = 0; t < p.steps; t++) {
            TEST fired = ABOVE(AT(s, t * p.n + i), REAL(0.0));
            when = mix(when, COUNT(p.start + t), BOTH(fired, EQUAL(when, never)));
        }
        AT(first, i) = when;
    }
}
