#version 450
// variants: vec4
// The step of each element's first spike; 0xFFFFFFFF, which is -1, where there is none.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer S { REAL s[]; }; // (T, n)
layout(std430, binding = 1) buffer First { COUNT first[]; }; // (n)
layout(push_constant) uniform Push { uint s_at; uint first_at; uint n; uint start; uint steps; } p;

const COUNT NEVER = COUNT(0xFFFFFFFFu);

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT when = p.start == 0 ? NEVER : first[p.first_at + i];
        for (uint t = 0; t < p.steps; t++) {
            TEST fired = ABOVE(s[p.s_at + t * p.n + i], REAL(0.0));
            when = mix(when, COUNT(p.start + t), BOTH(fired, EQUAL(when, NEVER)));
        }
        first[p.first_at + i] = when;
    }
}
