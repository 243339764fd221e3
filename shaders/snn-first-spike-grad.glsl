#version 450
// variants: vec4
// Gradient of spike times by the rule dt/ds = -1 at the first spike, or at the last step where there is none.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer First { COUNT first[]; }; // (n), the last step where there is none
layout(std430, binding = 1) readonly buffer G { REAL g[]; }; // (n)
layout(std430, binding = 2) writeonly buffer GS { REAL gs[]; }; // (T, n)
layout(push_constant) uniform Push { uint first_at; uint g_at; uint gs_at; uint n; uint start; uint steps; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT at = first[p.first_at + i];
        REAL pull = -g[p.g_at + i];
        for (uint t = 0; t < p.steps; t++)
            gs[p.gs_at + t * p.n + i] = mix(REAL(0.0), pull, EQUAL(at, COUNT(p.start + t)));
    }
}
