#version 450
// variants: vec4
// Weighted sum of a fast and a slow exponential synapse over T steps, states in registers.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer A0 { REAL a0[]; }; // (n) fast state before the first step
layout(std430, binding = 2) readonly buffer B0 { REAL b0[]; }; // (n) slow state
layout(std430, binding = 3) readonly buffer C0 { float c0[]; }; // (1) fast decay, where the constants are learnt
layout(std430, binding = 4) readonly buffer C1 { float c1[]; }; // (1) slow decay
layout(std430, binding = 5) readonly buffer C2 { float c2[]; }; // (1) fast weight
layout(std430, binding = 6) readonly buffer C3 { float c3[]; }; // (1) slow weight
layout(std430, binding = 7) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(std430, binding = 8) writeonly buffer ASeq { REAL a_seq[]; }; // (T, n) fast state after each step, with STORE
layout(std430, binding = 9) writeonly buffer BSeq { REAL b_seq[]; }; // (T, n)
layout(std430, binding = 10) buffer A { REAL a[]; }; // (n) states after the last step
layout(std430, binding = 11) buffer B { REAL b[]; }; // (n)
layout(push_constant) uniform Push {
    uint x_at; uint a0_at; uint b0_at; uint c0_at; uint c1_at; uint c2_at; uint c3_at;
    uint y_at; uint a_seq_at; uint b_seq_at; uint a_at; uint b_at;
    uint n; uint steps;
    uint a_given; uint b_given; // a0 and b0 hold the first state, else it is 0
    float k0; float k1; float k2; float k3; // the constants, where they are numbers
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;
layout(constant_id = 4) const uint STORE = 0;

void run(uint i, uint first, uint last)
{
    vec4 c = vec4(p.k0, p.k1, p.k2, p.k3);
    if (LEARN == 1)
        c = vec4(c0[p.c0_at], c1[p.c1_at], c2[p.c2_at], c3[p.c3_at]);
    precise REAL quick = REAL(0), lasting = REAL(0);
    if (first > 0) {
        quick = a[p.a_at + i];
        lasting = b[p.b_at + i];
    } else {
        if (p.a_given == 1)
            quick = a0[p.a0_at + i];
        if (p.b_given == 1)
            lasting = b0[p.b0_at + i];
    }
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        REAL now = x[p.x_at + at];
        quick = quick * c.x + now;
        lasting = lasting * c.y + now;
        y[p.y_at + at] = c.z * quick + c.w * lasting;
        if (STORE == 1) {
            a_seq[p.a_seq_at + at] = quick;
            b_seq[p.b_seq_at + at] = lasting;
        }
    }
    a[p.a_at + i] = quick;
    b[p.b_at + i] = lasting;
}
#include "blocks.glsl"
