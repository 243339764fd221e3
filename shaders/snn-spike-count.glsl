#version 450
// variants: vec4
// Spikes of each element over T steps, and the mean rate.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint RATE = 0; // 1: also the rate

layout(std430, binding = 0) readonly buffer S { REAL s[]; }; // (T, n)
layout(std430, binding = 1) buffer Total { REAL total[]; }; // (n)
layout(std430, binding = 2) writeonly buffer Rate { REAL rate[]; }; // (n)
layout(push_constant) uniform Push {
    uint s_at; uint total_at; uint rate_at;
    uint n; uint start; uint steps; float all_steps;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL count = p.start == 0 ? REAL(0.0) : total[p.total_at + i];
        for (uint t = 0; t < p.steps; t++)
            count += REAL(ABOVE(s[p.s_at + t * p.n + i], REAL(0.0)));
        total[p.total_at + i] = count;
        if (RATE == 1)
            rate[p.rate_at + i] = count / p.all_steps;
    }
}
