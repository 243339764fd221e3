#version 450
// variants: vec4
// Short-term plasticity over T steps, states in registers.  Each step first relaxes: u towards U, r towards 1; then at
// a spike (x is not 0) u += U * (1 - u), the synapse passes x * u * r, and r -= u * r.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer A0 { REAL a0[]; }; // (n) utilisation u before the first step
layout(std430, binding = 2) readonly buffer B0 { REAL b0[]; }; // (n) resources r
layout(std430, binding = 3) readonly buffer C0 { float c0[]; }; // (1) U, where the constants are learnt
layout(std430, binding = 4) readonly buffer C1 { float c1[]; }; // (1) decay of u
layout(std430, binding = 5) readonly buffer C2 { float c2[]; }; // (1) decay of r
layout(std430, binding = 6) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(std430, binding = 7) writeonly buffer ASeq { REAL a_seq[]; }; // (T, n) u before each step, with STORE
layout(std430, binding = 8) writeonly buffer BSeq { REAL b_seq[]; }; // (T, n) r before each step
layout(std430, binding = 9) buffer A { REAL a[]; }; // (n) states after the last step
layout(std430, binding = 10) buffer B { REAL b[]; }; // (n)
layout(push_constant) uniform Push {
    uint x_at; uint a0_at; uint b0_at; uint c0_at; uint c1_at; uint c2_at;
    uint y_at; uint a_seq_at; uint b_seq_at; uint a_at; uint b_at;
    uint n; uint steps;
    uint a_given; uint b_given; // a0 and b0 hold the first states, else u is U and r is 1
    float k0; float k1; float k2; // the constants, where they are numbers
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;
layout(constant_id = 4) const uint STORE = 0;

void run(uint i, uint first, uint last)
{
    vec3 c = vec3(p.k0, p.k1, p.k2);
    if (LEARN == 1)
        c = vec3(c0[p.c0_at], c1[p.c1_at], c2[p.c2_at]);
    precise REAL use = REAL(c.x), left = REAL(1);
    if (first > 0) {
        use = a[p.a_at + i];
        left = b[p.b_at + i];
    } else {
        if (p.a_given == 1)
            use = a0[p.a0_at + i];
        if (p.b_given == 1)
            left = b0[p.b0_at + i];
    }
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        if (STORE == 1) {
            a_seq[p.a_seq_at + at] = use;
            b_seq[p.b_seq_at + at] = left;
        }
        REAL now = x[p.x_at + at];
        TEST spike = NONE(EQUAL(now, REAL(0)));
        use = c.x + (use - c.x) * c.y;
        left = 1.0 - (1.0 - left) * c.z;
        use = mix(use, use + c.x * (1.0 - use), spike);
        precise REAL passed = use * left;
        y[p.y_at + at] = mix(REAL(0), now * passed, spike);
        left = mix(left, left - passed, spike);
    }
    a[p.a_at + i] = use;
    b[p.b_at + i] = left;
}
#include "blocks.glsl"
