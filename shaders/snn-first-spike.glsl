#version 450
// variants: vec4
// The step of each element's first spike; `never` where there is none.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer S { REAL s[]; }; // (T, n)
layout(std430, binding = 1) buffer First { COUNT first[]; }; // (n)
layout(push_constant) uniform Push { uint s_at; uint first_at; uint n; uint start; uint steps; uint never; } p;

void main()
{
    COUNT never = COUNT(p.never);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT when = p.start == 0 ? never : first[p.first_at + i];
        for (uint t = 0; t < p.steps; t++) {
            TEST fired = ABOVE(s[p.s_at + t * p.n + i], REAL(0.0));
            when = mix(when, COUNT(p.start + t), BOTH(fired, EQUAL(when, never)));
        }
        first[p.first_at + i] = when;
    }
}
