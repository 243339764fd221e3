#version 450
// variants: vec4
// Backpropagation through time of snn-dual-timescale: gradients of x, of the first states and, with SUMS, of the two
// decays and the two weights (sums over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, gy); // (T, n)
READS(1, REAL, ga_end); // (n) of the last states
READS(2, REAL, gb_end); // (n)
READS(3, REAL, a_seq); // (T, n) states after each step, with SUMS
READS(4, REAL, b_seq); // (T, n)
READS(5, REAL, a0); // (n)
READS(6, REAL, b0); // (n)
READS(7, float, c0); // (1)
READS(8, float, c1); // (1)
READS(9, float, c2); // (1)
READS(10, float, c3); // (1)
WRITES(11, REAL, gx); // (T, n)
CHANGES(12, REAL, ga); // (n) of the first states
CHANGES(13, REAL, gb); // (n)
CHANGES(14, REAL, gc); // (4, n) of the constants
layout(push_constant) uniform Push {
    OFFSETS(15); uint n; uint steps;
    uint a_given; uint b_given; uint has_ga_end; uint has_gb_end; // whether they hold something; else it is 0
    float k0; float k1; float k2; float k3;
} p;
#define NUMBERS 4
#include "two-states-backward.glsl"

void run(uint i, uint first, uint last)
{
    vec4 c = vec4(p.k0, p.k1, p.k2, p.k3);
    if (LEARN == 1)
        c = vec4(AT(c0, 0), AT(c1, 0), AT(c2, 0), AT(c3, 0));
    REAL quick = REAL(0), lasting = REAL(0); // gradients of the states on the way back
    REAL sums[NUMBERS] = REAL[NUMBERS](REAL(0), REAL(0), REAL(0), REAL(0));
    begin(i, last, quick, lasting, sums);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL g = AT(gy, at);
        quick += c.z * g;
        lasting += c.w * g;
        AT(gx, at) = quick + lasting;
        if (SUMS == 1) {
            REAL a_before = REAL(0), b_before = REAL(0);
            if (t > 0) {
                a_before = AT(a_seq, at - p.n);
                b_before = AT(b_seq, at - p.n);
            } else {
                if (p.a_given == 1)
                    a_before = AT(a0, i);
                if (p.b_given == 1)
                    b_before = AT(b0, i);
            }
            sums[0] += quick * a_before;
            sums[1] += lasting * b_before;
            sums[2] += g * AT(a_seq, at);
            sums[3] += g * AT(b_seq, at);
        }
        quick *= c.x;
        lasting *= c.y;
    }
    finish(i, quick, lasting, sums);
}
#include "blocks.glsl"
