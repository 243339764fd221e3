// Both ways of the recurrences in grilly_vk/equations/synapses.py, with up to two states and four constants.
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint MODEL = 0;
layout(constant_id = 4) const uint LEARN = 0; // bits: constants that are in memory
layout(constant_id = 5) const uint HELD = 0; // x is (n), the same at every step

#define A_GIVEN ((p.given & 1) != 0)
#define B_GIVEN ((p.given & 2) != 0)

#ifdef REVERSE
REAL a_before(uint i, uint t, uint at, vec4 c); // states before step t
REAL b_before(uint i, uint t, uint at, vec4 c);
#endif
#include "recurrences.glsl" // made of the records

vec4 constants()
{
    vec4 c = vec4(p.k0, p.k1, p.k2, p.k3);
    if ((LEARN & 1) != 0)
        c.x = AT(c0, 0);
    if ((LEARN & 2) != 0)
        c.y = AT(c1, 0);
    if ((LEARN & 4) != 0)
        c.z = AT(c2, 0);
    if ((LEARN & 8) != 0)
        c.w = AT(c3, 0);
    return c;
}

// The states before the first step.
void begin(uint i, vec4 c, out REAL a_first, out REAL b_first)
{
    start(a_first, b_first, c);
    if (A_GIVEN)
        a_first = AT(a0, i);
    if (TWO_STATES && B_GIVEN)
        b_first = AT(b0, i);
}
