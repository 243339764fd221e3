#version 450
// variants: vec4
// Exponential synapse over T steps, state in registers: a = a * decay + x, y = a.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n)
READS(1, REAL, a0); // (n) state before the first step
READS(2, float, c0); // (1) decay, where it is learnt
WRITES(3, REAL, y); // (T, n)
CHANGES(4, REAL, a); // (n) state after the last step
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint steps;
    uint a_given; // a0 holds the first state, else it is 0
    float k0; // decay, where it is a number
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;

void run(uint i, uint first, uint last)
{
    float decay = LEARN == 1 ? AT(c0, 0) : p.k0;
    precise REAL now = REAL(0);
    if (first > 0)
        now = AT(a, i);
    else if (p.a_given == 1)
        now = AT(a0, i);
    for (uint t = first; t < last; t++) {
        now = now * decay + AT(x, t * p.n + i);
        AT(y, t * p.n + i) = now;
    }
    AT(a, i) = now;
}
#include "blocks.glsl"
