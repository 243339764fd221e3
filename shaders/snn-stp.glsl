#version 450
// variants: vec4
// Short-term plasticity over T steps.  Each step first relaxes: u towards base, r towards 1; then at a spike
// u += base * (1 - u), the synapse passes x * u * r, and r -= u * r.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) buffer U { REAL u[]; }; // (n) utilisation
layout(std430, binding = 2) buffer R { REAL r[]; }; // (n) resources
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint u_at; uint r_at; uint y_at;
    uint n; uint steps;
    float base; float u_decay; float r_decay;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise REAL use = u[p.u_at + i];
        precise REAL left = r[p.r_at + i];
        for (uint t = 0; t < p.steps; t++) {
            REAL now = x[p.x_at + t * p.n + i];
            TEST spike = NONE(EQUAL(now, REAL(0.0)));
            use = p.base + (use - p.base) * p.u_decay;
            left = 1.0 - (1.0 - left) * p.r_decay;
            use = mix(use, use + p.base * (1.0 - use), spike);
            precise REAL passed = use * left;
            y[p.y_at + t * p.n + i] = mix(REAL(0.0), now * passed, spike);
            left = mix(left, left - passed, spike);
        }
        u[p.u_at + i] = use;
        r[p.r_at + i] = left;
    }
}
