#version 450
// variants: vec4
// Backpropagation through time of snn-synapse-filter: gradients of x, of the first state and, with SUMS, of the decay
// (a sum over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, gy); // (T, n)
READS(1, REAL, ga_end); // (n) of the last state
READS(2, REAL, a_seq); // (T, n) state after each step, with SUMS
READS(3, REAL, a0); // (n)
READS(4, float, c0); // (1)
WRITES(5, REAL, gx); // (T, n)
CHANGES(6, REAL, ga); // (n) of the first state
CHANGES(7, REAL, gc); // (1, n) of the decay
layout(push_constant) uniform Push {
    OFFSETS(8); uint n; uint steps;
    uint a_given; uint has_ga_end; // whether a0 and ga_end hold something; else it is 0
    float k0;
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;
layout(constant_id = 4) const uint SUMS = 0;

void run(uint i, uint first, uint last)
{
    float decay = LEARN == 1 ? AT(c0, 0) : p.k0;
    REAL g = REAL(0), sum = REAL(0); // gradient of the state on the way back
    if (last < p.steps) {
        g = AT(ga, i);
        sum = SUMS == 1 ? AT(gc, i) : sum;
    } else if (p.has_ga_end == 1)
        g = AT(ga_end, i);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        g += AT(gy, at);
        AT(gx, at) = g;
        if (SUMS == 1) {
            REAL before = REAL(0);
            if (t > 0)
                before = AT(a_seq, at - p.n);
            else if (p.a_given == 1)
                before = AT(a0, i);
            sum += g * before;
        }
        g *= decay;
    }
    AT(ga, i) = g;
    if (SUMS == 1)
        AT(gc, i) = sum;
}
#include "blocks.glsl"
