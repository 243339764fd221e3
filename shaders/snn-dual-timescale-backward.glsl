#version 450
// variants: vec4
// Backpropagation through time of snn-dual-timescale: gradients of x, of the first states and, with SUMS, of the two
// decays and the two weights (sums over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer Gy { REAL gy[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer GaEnd { REAL ga_end[]; }; // (n) of the last states
layout(std430, binding = 2) readonly buffer GbEnd { REAL gb_end[]; }; // (n)
layout(std430, binding = 3) readonly buffer ASeq { REAL a_seq[]; }; // (T, n) states after each step, with SUMS
layout(std430, binding = 4) readonly buffer BSeq { REAL b_seq[]; }; // (T, n)
layout(std430, binding = 5) readonly buffer A0 { REAL a0[]; }; // (n)
layout(std430, binding = 6) readonly buffer B0 { REAL b0[]; }; // (n)
layout(std430, binding = 7) readonly buffer C0 { float c0[]; }; // (1)
layout(std430, binding = 8) readonly buffer C1 { float c1[]; }; // (1)
layout(std430, binding = 9) readonly buffer C2 { float c2[]; }; // (1)
layout(std430, binding = 10) readonly buffer C3 { float c3[]; }; // (1)
layout(std430, binding = 11) writeonly buffer Gx { REAL gx[]; }; // (T, n)
layout(std430, binding = 12) buffer Ga { REAL ga[]; }; // (n) of the first states
layout(std430, binding = 13) buffer Gb { REAL gb[]; }; // (n)
layout(std430, binding = 14) buffer Gc { REAL gc[]; }; // (4, n) of the constants
layout(push_constant) uniform Push {
    uint gy_at; uint ga_end_at; uint gb_end_at; uint a_seq_at; uint b_seq_at; uint a0_at; uint b0_at;
    uint c0_at; uint c1_at; uint c2_at; uint c3_at; uint gx_at; uint ga_at; uint gb_at; uint gc_at;
    uint n; uint steps;
    uint a_given; uint b_given; uint has_ga_end; uint has_gb_end; // whether they hold something; else it is 0
    float k0; float k1; float k2; float k3;
} p;
#define NUMBERS 4
#include "two-states-backward.glsl"

void run(uint i, uint first, uint last)
{
    vec4 c = vec4(p.k0, p.k1, p.k2, p.k3);
    if (LEARN == 1)
        c = vec4(c0[p.c0_at], c1[p.c1_at], c2[p.c2_at], c3[p.c3_at]);
    REAL quick = REAL(0), lasting = REAL(0); // gradients of the states on the way back
    REAL sums[NUMBERS] = REAL[NUMBERS](REAL(0), REAL(0), REAL(0), REAL(0));
    begin(i, last, quick, lasting, sums);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL g = gy[p.gy_at + at];
        quick += c.z * g;
        lasting += c.w * g;
        gx[p.gx_at + at] = quick + lasting;
        if (SUMS == 1) {
            REAL a_before = REAL(0), b_before = REAL(0);
            if (t > 0) {
                a_before = a_seq[p.a_seq_at + at - p.n];
                b_before = b_seq[p.b_seq_at + at - p.n];
            } else {
                if (p.a_given == 1)
                    a_before = a0[p.a0_at + i];
                if (p.b_given == 1)
                    b_before = b0[p.b0_at + i];
            }
            sums[0] += quick * a_before;
            sums[1] += lasting * b_before;
            sums[2] += g * a_seq[p.a_seq_at + at];
            sums[3] += g * b_seq[p.b_seq_at + at];
        }
        quick *= c.x;
        lasting *= c.y;
    }
    finish(i, quick, lasting, sums);
}
#include "blocks.glsl"
