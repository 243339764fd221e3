#version 450
// variants: vec4
// Weighted sum of a fast and a slow exponential synapse over T steps, states in registers.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n)
READS(1, REAL, a0); // (n) fast state before the first step
READS(2, REAL, b0); // (n) slow state
READS(3, float, c0); // (1) fast decay, where the constants are learnt
READS(4, float, c1); // (1) slow decay
READS(5, float, c2); // (1) fast weight
READS(6, float, c3); // (1) slow weight
WRITES(7, REAL, y); // (T, n)
WRITES(8, REAL, a_seq); // (T, n) fast state after each step, with STORE
WRITES(9, REAL, b_seq); // (T, n)
CHANGES(10, REAL, a); // (n) states after the last step
CHANGES(11, REAL, b); // (n)
layout(push_constant) uniform Push {
    OFFSETS(12); uint n; uint steps;
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
        c = vec4(AT(c0, 0), AT(c1, 0), AT(c2, 0), AT(c3, 0));
    precise REAL quick = REAL(0), lasting = REAL(0);
    if (first > 0) {
        quick = AT(a, i);
        lasting = AT(b, i);
    } else {
        if (p.a_given == 1)
            quick = AT(a0, i);
        if (p.b_given == 1)
            lasting = AT(b0, i);
    }
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        REAL now = AT(x, at);
        quick = quick * c.x + now;
        lasting = lasting * c.y + now;
        AT(y, at) = c.z * quick + c.w * lasting;
        if (STORE == 1) {
            AT(a_seq, at) = quick;
            AT(b_seq, at) = lasting;
        }
    }
    AT(a, i) = quick;
    AT(b, i) = lasting;
}
#include "blocks.glsl"
