#version 450
// variants: vec4
// A synapse with a state, or the node that stands for a ReLU, over T steps, states in registers.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n), or (n)
READS(1, REAL, a0); // (n) states before the first step
READS(2, REAL, b0);
READS(3, float, c0); // (1) constants, where they are learnt
READS(4, float, c1);
READS(5, float, c2);
READS(6, float, c3);
WRITES(7, REAL, y); // (T, n)
WRITES(8, REAL, left); // (T, n) what the way back reads, with STORE
WRITES(9, REAL, right);
CHANGES(10, REAL, a); // (n) states after the last step
CHANGES(11, REAL, b);
layout(push_constant) uniform Push {
    OFFSETS(12); uint n; uint steps;
    uint begun; // steps before these, which left their states in a and b
    uint given; // bits: 1: a0 holds the first state, 2: b0 does
    float k0; float k1; float k2; float k3; // the constants, where they are numbers
} p;
#include "recurrence.glsl"
layout(constant_id = 6) const uint STORE = 0; // how many of left and right are kept

void run(uint i, uint first, uint last)
{
    vec4 c = constants();
    REAL a_now, b_now = REAL(0), y_now, keep_left, keep_right;
    if (p.begun + first == 0)
        begin(i, c, a_now, b_now);
    else {
        a_now = AT(a, i);
        if (TWO_STATES)
            b_now = AT(b, i);
    }
    for (uint t = p.begun + first; t < p.begun + last; t++) {
        uint at = t * p.n + i;
        step(AT(x, HELD == 1 ? i : at), a_now, b_now, c, y_now, keep_left, keep_right);
        AT(y, at) = y_now;
        if (STORE > 0)
            AT(left, at) = keep_left;
        if (STORE > 1)
            AT(right, at) = keep_right;
    }
    AT(a, i) = a_now;
    if (TWO_STATES)
        AT(b, i) = b_now;
}
#include "blocks.glsl"
