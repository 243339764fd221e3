#version 450
// variants: vec4
// Short-term plasticity over T steps, states in registers.  Each step first relaxes: u towards U, r towards 1; then at
// a spike (x is not 0) u += U * (1 - u), the synapse passes x * u * r, and r -= u * r.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n)
READS(1, REAL, a0); // (n) utilisation u before the first step
READS(2, REAL, b0); // (n) resources r
READS(3, float, c0); // (1) U, where the constants are learnt
READS(4, float, c1); // (1) decay of u
READS(5, float, c2); // (1) decay of r
WRITES(6, REAL, y); // (T, n)
WRITES(7, REAL, a_seq); // (T, n) u before each step, with STORE
WRITES(8, REAL, b_seq); // (T, n) r before each step
CHANGES(9, REAL, a); // (n) states after the last step
CHANGES(10, REAL, b); // (n)
layout(push_constant) uniform Push {
    OFFSETS(11); uint n; uint steps;
    uint a_given; uint b_given; // a0 and b0 hold the first states, else u is U and r is 1
    float k0; float k1; float k2; // the constants, where they are numbers
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;
layout(constant_id = 4) const uint STORE = 0;

void run(uint i, uint first, uint last)
{
    vec3 c = vec3(p.k0, p.k1, p.k2);
    if (LEARN == 1)
        c = vec3(AT(c0, 0), AT(c1, 0), AT(c2, 0));
    precise REAL use = REAL(c.x), left = REAL(1);
    if (first > 0) {
        use = AT(a, i);
        left = AT(b, i);
    } else {
        if (p.a_given == 1)
            use = AT(a0, i);
        if (p.b_given == 1)
            left = AT(b0, i);
    }
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        if (STORE == 1) {
            AT(a_seq, at) = use;
            AT(b_seq, at) = left;
        }
        REAL now = AT(x, at);
        TEST spike = NONE(EQUAL(now, REAL(0)));
        use = c.x + (use - c.x) * c.y;
        left = 1.0 - (1.0 - left) * c.z;
        use = mix(use, use + c.x * (1.0 - use), spike);
        precise REAL passed = use * left;
        AT(y, at) = mix(REAL(0), now * passed, spike);
        left = mix(left, left - passed, spike);
    }
    AT(a, i) = use;
    AT(b, i) = left;
}
#include "blocks.glsl"
