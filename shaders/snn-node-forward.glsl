#version 450
// variants: vec4
// Spiking nodes over T steps, state in registers: charge, fire, reset in each.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n)
READS(1, REAL, v0); // (n)
READS(2, REAL, u0); // (n)
READS(3, float, w); // (1)
WRITES(4, REAL, s); // (T, n) spikes
WRITES(5, REAL, h); // (T, PLANES, n) potentials before the reset, and more
WRITES(6, REAL, z); // (T, n) distances to an adaptive threshold
WRITES(7, REAL, trace); // (T, n) potentials, see STORE_V
CHANGES(8, REAL, v); // (n) potential after the last step
CHANGES(9, REAL, u); // (n)
READS(10, vec4, table); // ([T,] channels) of a norm before the node
READS(11, float, scale); // (T) of it
READS(12, REAL, each); // (6, m) settings of each neuron, see each.glsl
CHANGES(13, REAL, left); // (n) refractory steps that are left
layout(push_constant) uniform Push {
    OFFSETS(14); uint n; uint steps; uint inner; uint channels; uint m;
    uint given; // v0 and u0 hold the first state, else it is v_init and u_init
    float k; float rest; float threshold; float reset; float v_init; float u_init;
    float c0; float c1; float c2; float c3; float c4; float c5;
} p;
layout(constant_id = 14) const uint EACH = 0; // each holds the settings
layout(constant_id = 15) const uint REFRACTORY = 0;
#include "each.glsl"
#include "node.glsl"
#define FIRES(z) (STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)))
layout(constant_id = 5) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 6) const uint BLOCK = 0;
layout(constant_id = 7) const uint STORE_S = 1;
layout(constant_id = 8) const uint STORE_H = 0;
layout(constant_id = 9) const uint STORE_V = 0; // 1: potentials after the reset, 2: before it
layout(constant_id = 10) const uint STRICT = 0; // a spike needs more than the threshold
layout(constant_id = 11) const uint HELD = 0; // x is (n), the same at every step
layout(constant_id = 12) const uint NORM = 0; // see table.glsl
layout(constant_id = 13) const uint SCALE = 0;
#include "table.glsl"

void run(uint i, uint first, uint last)
{
    REAL v_now = REAL(p.v_init), u_now = REAL(p.u_init);
    if (first > 0) {
        v_now = AT(v, i);
        u_now = TWO_STATES ? AT(u, i) : u_now;
    } else if (p.given == 1) {
        v_now = AT(v0, i);
        u_now = TWO_STATES ? AT(u0, i) : u_now;
    }
    float w_now = LEARN == 0 ? 0.0 : AT(w, 0);
    REAL k = learned(own_settings(i), w_now);
    REAL waits = REFRACTORY == 1 ? AT(left, i) : REAL(0);
    Lines norm;
    if (NORM == 1)
        norm = lines(0, i);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        REAL own = AT(x, HELD == 1 ? i : at);
        if (NORM == 2)
            norm = lines(t, i);
        if (NORM != 0)
            own = normalised(own, t, norm);
        if (STORE_H == 1 && KEEPS_U)
            AT(h, KEPT(t, i, p.n) + p.n) = u_now;
        if (STORE_H == 1 && KEEPS_X)
            AT(h, KEPT(t, i, p.n) + (PLANES - 1) * p.n) = own;
        precise REAL h_now = charge(own, v_now, u_now, k, w_now);
        TEST deaf = ABOVE(waits, REAL(0));
        if (REFRACTORY == 1)
            h_now = mix(h_now, v_now, deaf);
        REAL threshold = level(u_now);
        precise REAL z_now = h_now - threshold;
        if (REFRACTORY == 1)
            z_now = mix(z_now, REAL(uintBitsToFloat(DEAF)), deaf);
        REAL fired = REAL(FIRES(z_now));
        if (REFRACTORY == 1)
            waits = mix(max(waits - 1.0, REAL(0)), own_period, AT_LEAST(fired, REAL(0.5)));
        v_now = reset(h_now, fired, threshold);
        u_now = adapt(u_now, fired);
        if (STORE_S == 1)
            AT(s, at) = fired;
        if (STORE_H == 1) {
            AT(h, KEPT(t, i, p.n)) = h_now;
            if (MOVES || REFRACTORY == 1)
                AT(z, at) = z_now;
        }
        if (STORE_V != 0)
            AT(trace, at) = STORE_V == 1 ? v_now : h_now;
    }
    AT(v, i) = v_now;
    if (REFRACTORY == 1)
        AT(left, i) = waits;
    if (TWO_STATES)
        AT(u, i) = u_now;
}
#include "blocks.glsl"
