#version 450
// variants: vec4
// Backpropagation through time of snn-stp: gradients of x (where it spikes), of the first u and r and, with SUMS, of
// U and the two decays (sums over time for each element).  Whether a step is a spike has no gradient.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer Gy { REAL gy[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer GaEnd { REAL ga_end[]; }; // (n) of the last u
layout(std430, binding = 2) readonly buffer GbEnd { REAL gb_end[]; }; // (n) of the last r
layout(std430, binding = 3) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 4) readonly buffer ASeq { REAL a_seq[]; }; // (T, n) u before each step
layout(std430, binding = 5) readonly buffer BSeq { REAL b_seq[]; }; // (T, n) r before each step
layout(std430, binding = 6) readonly buffer C0 { float c0[]; }; // (1)
layout(std430, binding = 7) readonly buffer C1 { float c1[]; }; // (1)
layout(std430, binding = 8) readonly buffer C2 { float c2[]; }; // (1)
layout(std430, binding = 9) writeonly buffer Gx { REAL gx[]; }; // (T, n)
layout(std430, binding = 10) buffer Ga { REAL ga[]; }; // (n) of the first u
layout(std430, binding = 11) buffer Gb { REAL gb[]; }; // (n) of the first r
layout(std430, binding = 12) buffer Gc { REAL gc[]; }; // (3, n) of the constants
layout(push_constant) uniform Push {
    uint gy_at; uint ga_end_at; uint gb_end_at; uint x_at; uint a_seq_at; uint b_seq_at;
    uint c0_at; uint c1_at; uint c2_at; uint gx_at; uint ga_at; uint gb_at; uint gc_at;
    uint n; uint steps;
    uint a_given; uint has_ga_end; uint has_gb_end; // a_given: u did not start at U
    float k0; float k1; float k2;
} p;
#define NUMBERS 3
#include "two-states-backward.glsl"

void run(uint i, uint first, uint last)
{
    vec3 c = vec3(p.k0, p.k1, p.k2);
    if (LEARN == 1)
        c = vec3(c0[p.c0_at], c1[p.c1_at], c2[p.c2_at]);
    REAL gu = REAL(0), gr = REAL(0); // gradients of u and r on the way back
    REAL sums[NUMBERS] = REAL[NUMBERS](REAL(0), REAL(0), REAL(0));
    begin(i, last, gu, gr, sums);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL now = x[p.x_at + at], u = a_seq[p.a_seq_at + at], r = b_seq[p.b_seq_at + at];
        REAL g = gy[p.gy_at + at];
        TEST spike = NONE(EQUAL(now, REAL(0)));
        // As in the forward pass: relaxed, then what the spike made of u.
        REAL relaxed = c.x + (u - c.x) * c.y, left = 1.0 - (1.0 - r) * c.z;
        REAL use = relaxed + c.x * (1.0 - relaxed);
        REAL passed = mix(REAL(0), g * now - gr, spike); // gradient of u * r, which y gets and r loses
        gx[p.gx_at + at] = mix(REAL(0), g * use * left, spike);
        gu += passed * left;
        gr += passed * use;
        REAL jump = mix(REAL(0), gu, spike);
        gu -= c.x * jump;
        if (SUMS == 1) {
            sums[0] += jump * (1.0 - relaxed) + gu * (1.0 - c.y);
            sums[1] += gu * (u - c.x);
            sums[2] += gr * (r - 1.0);
        }
        gu *= c.y;
        gr *= c.z;
    }
    if (SUMS == 1 && first == 0 && p.a_given == 0)
        sums[0] += gu;
    finish(i, gu, gr, sums);
}
#include "blocks.glsl"
