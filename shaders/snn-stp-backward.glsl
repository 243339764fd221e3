#version 450
// variants: vec4
// Backpropagation through time of snn-stp: gradients of x (where it spikes), of the first u and r and, with SUMS, of
// U and the two decays (sums over time for each element).  Whether a step is a spike has no gradient.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, gy); // (T, n)
READS(1, REAL, ga_end); // (n) of the last u
READS(2, REAL, gb_end); // (n) of the last r
READS(3, REAL, x); // (T, n)
READS(4, REAL, a_seq); // (T, n) u before each step
READS(5, REAL, b_seq); // (T, n) r before each step
READS(6, float, c0); // (1)
READS(7, float, c1); // (1)
READS(8, float, c2); // (1)
WRITES(9, REAL, gx); // (T, n)
CHANGES(10, REAL, ga); // (n) of the first u
CHANGES(11, REAL, gb); // (n) of the first r
CHANGES(12, REAL, gc); // (3, n) of the constants
layout(push_constant) uniform Push {
    OFFSETS(13); uint n; uint steps;
    uint a_given; uint has_ga_end; uint has_gb_end; // a_given: u did not start at U
    float k0; float k1; float k2;
} p;
#define NUMBERS 3
#include "two-states-backward.glsl"

void run(uint i, uint first, uint last)
{
    vec3 c = vec3(p.k0, p.k1, p.k2);
    if (LEARN == 1)
        c = vec3(AT(c0, 0), AT(c1, 0), AT(c2, 0));
    REAL gu = REAL(0), gr = REAL(0); // gradients of u and r on the way back
    REAL sums[NUMBERS] = REAL[NUMBERS](REAL(0), REAL(0), REAL(0));
    begin(i, last, gu, gr, sums);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL now = AT(x, at), u = AT(a_seq, at), r = AT(b_seq, at);
        REAL g = AT(gy, at);
        TEST spike = NONE(EQUAL(now, REAL(0)));
        // As in the forward pass: relaxed, then what the spike made of u.
        REAL relaxed = c.x + (u - c.x) * c.y, left = 1.0 - (1.0 - r) * c.z;
        REAL use = relaxed + c.x * (1.0 - relaxed);
        REAL passed = mix(REAL(0), g * now - gr, spike); // gradient of u * r, which y gets and r loses
        AT(gx, at) = mix(REAL(0), g * use * left, spike);
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
