#version 450
// variants: vec4
// Backpropagation through time of snn-synapse-forward: gradients of x, of the first states and, with SUMS, of the constants
// (sums over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"

READS(0, REAL, gy); // (T, n)
READS(1, REAL, ga_end); // (n) of the last states
READS(2, REAL, gb_end);
READS(3, REAL, left); // (T, n) what the forward pass kept
READS(4, REAL, right); // of a spike: the surrogate's derivative, where the host gives it
READS(5, REAL, a0); // (n) states before the first step
READS(6, REAL, x_or_b0); // (T, n) or (n): no recurrence reads both here
READS(7, float, c0); // (1) constants, where they are learnt
READS(8, float, c1);
READS(9, float, c2);
READS(10, float, c3);
CHANGES(11, REAL, gx); // (T, n), or (n): the sum over the steps
CHANGES(12, REAL, ga0); // (n) of the first states
CHANGES(13, REAL, gb0);
CHANGES(14, REAL, gc); // (SUMS, n) of the constants
layout(push_constant) uniform Push {
    OFFSETS(15); uint n; uint steps;
    uint begun; // steps before these
    uint given; // bits: 1: a0 holds the first state, 2: b0 does, 4: ga_end holds something, 8: gb_end does;
                // 16: later steps left their gradients in ga0, gb0, gc and, of x (n), gx
    float k0; float k1; float k2; float k3; // the constants, where they are numbers
    float alpha; float beta;
} p;
layout(constant_id = 6) const uint SUMS = 0; // how many constants there are, if their gradients are wanted
layout(constant_id = 7) const uint SURROGATE = 1; // 0: right holds its values
layout(constant_id = 8) const uint DETACH = 0; // no gradient through a spike's reset
layout(constant_id = 9) const uint HAS_GY = 1;
#define b0 x_or_b0
#include "recurrence.glsl"

REAL a_before(uint i, uint t, uint at, vec4 c)
{
    REAL a_first, b_first;
    if (t == 0)
        begin(i, c, a_first, b_first);
    else
        a_first = AT(left, at - p.n);
    return a_first;
}

REAL b_before(uint i, uint t, uint at, vec4 c)
{
    REAL a_first, b_first;
    if (t == 0)
        begin(i, c, a_first, b_first);
    else
        b_first = AT(right, at - p.n);
    return b_first;
}

void run(uint i, uint first, uint last)
{
    vec4 c = constants();
    REAL ga = REAL(0), gb = REAL(0), sum = REAL(0), sums[4] = REAL[4](REAL(0), REAL(0), REAL(0), REAL(0));
    if (last < p.steps || (p.given & 16) != 0) {
        ga = AT(ga0, i);
        gb = TWO_STATES ? AT(gb0, i) : gb;
        sum = HELD == 1 ? AT(gx, i) : sum;
        for (uint j = 0; j < SUMS; j++)
            sums[j] = AT(gc, j * p.n + i);
    } else {
        ga = (p.given & 4) != 0 ? AT(ga_end, i) : ga;
        gb = TWO_STATES && (p.given & 8) != 0 ? AT(gb_end, i) : gb;
    }
    for (uint t = p.begun + last; t-- > p.begun + first;) {
        uint at = t * p.n + i;
        REAL of_x;
        back(i, t, at, c, HAS_GY == 1 ? AT(gy, at) : REAL(0), of_x, ga, gb, sums);
        if (HELD == 1)
            sum += of_x;
        else
            AT(gx, at) = of_x;
    }
    if (p.begun + first == 0)
        start_back(ga, gb, sums, c);
    AT(ga0, i) = ga;
    if (TWO_STATES)
        AT(gb0, i) = gb;
    if (HELD == 1)
        AT(gx, i) = sum;
    for (uint j = 0; j < SUMS; j++)
        AT(gc, j * p.n + i) = sums[j];
}
#include "blocks.glsl"
