#version 450
// variants: vec4
// The step of each element's first spike; `never` where there is none.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint TIME = 0; // 1: also as a number, the last step where there is none

layout(std430, binding = 0) readonly buffer S { REAL s[]; }; // (T, n)
layout(std430, binding = 1) buffer First { COUNT first[]; }; // (n)
layout(std430, binding = 2) writeonly buffer Time { REAL time[]; }; // (n)
layout(push_constant) uniform Push {
    uint s_at; uint first_at; uint time_at; uint n; uint start; uint steps; uint never;
} p;

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
        if (TIME == 1)
            time[p.time_at + i] = REAL(min(when, COUNT(p.start + p.steps - 1)));
    }
}
