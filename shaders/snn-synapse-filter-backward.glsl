#version 450
// variants: vec4
// Backpropagation through time of snn-synapse-filter: gradients of x, of the first state and, with SUMS, of the decay
// (a sum over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer Gy { REAL gy[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer GaEnd { REAL ga_end[]; }; // (n) of the last state
layout(std430, binding = 2) readonly buffer ASeq { REAL a_seq[]; }; // (T, n) state after each step, with SUMS
layout(std430, binding = 3) readonly buffer A0 { REAL a0[]; }; // (n)
layout(std430, binding = 4) readonly buffer C0 { float c0[]; }; // (1)
layout(std430, binding = 5) writeonly buffer Gx { REAL gx[]; }; // (T, n)
layout(std430, binding = 6) buffer Ga { REAL ga[]; }; // (n) of the first state
layout(std430, binding = 7) buffer Gc { REAL gc[]; }; // (1, n) of the decay
layout(push_constant) uniform Push {
    uint gy_at; uint ga_end_at; uint a_seq_at; uint a0_at; uint c0_at; uint gx_at; uint ga_at; uint gc_at;
    uint n; uint steps;
    uint a_given; uint has_ga_end; // whether a0 and ga_end hold something; else it is 0
    float k0;
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;
layout(constant_id = 4) const uint SUMS = 0;

void run(uint i, uint first, uint last)
{
    float decay = LEARN == 1 ? c0[p.c0_at] : p.k0;
    REAL g = REAL(0), sum = REAL(0); // gradient of the state on the way back
    if (last < p.steps) {
        g = ga[p.ga_at + i];
        sum = SUMS == 1 ? gc[p.gc_at + i] : sum;
    } else if (p.has_ga_end == 1)
        g = ga_end[p.ga_end_at + i];
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        g += gy[p.gy_at + at];
        gx[p.gx_at + at] = g;
        if (SUMS == 1) {
            REAL before = REAL(0);
            if (t > 0)
                before = a_seq[p.a_seq_at + at - p.n];
            else if (p.a_given == 1)
                before = a0[p.a0_at + i];
            sum += g * before;
        }
        g *= decay;
    }
    ga[p.ga_at + i] = g;
    if (SUMS == 1)
        gc[p.gc_at + i] = sum;
}
#include "blocks.glsl"
