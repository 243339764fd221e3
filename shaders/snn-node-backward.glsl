#version 450
// variants: vec4
// Backpropagation through time of spiking nodes, from the potentials h that the forward pass kept: gradients of the
// input, of the state before the first step, and of the learnable number w (a sum over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"

READS(0, REAL, h); // (T, PLANES, n) potentials, and what else is kept
READS(1, REAL, z); // (T, n) distances to an adaptive threshold
READS(2, REAL, d); // (T, n) the surrogate's derivative, where the host gives it
READS(3, REAL, v0); // (n)
READS(4, float, w); // (1)
READS(5, REAL, gs); // (T, n) gradient of the spikes
READS(6, REAL, gtrace); // (T, n) of the potentials, see HAS_GTRACE
READS(7, REAL, gend); // (n) of the last potential
READS(8, REAL, guend); // (n) of the last second state
CHANGES(9, REAL, gx); // (T, n)
CHANGES(10, REAL, gv); // (n) of the first potential
CHANGES(11, REAL, gu); // (n) of the first second state
CHANGES(12, REAL, gw); // (n)
READS(13, REAL, each); // (6, m) settings of each neuron, see each.glsl
layout(push_constant) uniform Push {
    OFFSETS(14); uint n; uint steps; uint m;
    uint given; // bits: 1: v0 holds the first state, else it is v_init; 2: gend holds something; 4: guend does
    float k; float rest; float threshold; float reset; float v_init; float alpha; float beta;
    float c0; float c1; float c2; float c3; float c4; float c5;
} p;
layout(constant_id = 13) const uint EACH = 0; // each holds the settings
layout(constant_id = 14) const uint REFRACTORY = 0;
#include "each.glsl"
#include "node.glsl"
#define FIRES(z) (STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)))
layout(constant_id = 5) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 6) const uint BLOCK = 0;
layout(constant_id = 7) const uint SURROGATE = 1; // 0: d holds its values
layout(constant_id = 8) const uint DETACH = 0; // no gradient through the reset
layout(constant_id = 9) const uint HAS_GS = 1;
layout(constant_id = 10) const uint HAS_GTRACE = 0; // 1: of those after the reset, 2: before it
layout(constant_id = 11) const uint STRICT = 0; // a spike needs more than the threshold
layout(constant_id = 12) const uint HELD = 0; // gx is (n), the sum over time: the input was the same at every step

// The potential that step t finds, as far as derivatives need it, and the one before its reset.
REAL found(uint t, uint i, inout REAL before)
{
    REAL v = REAL(p.v_init), none = REAL(0);
    if (t > 0) {
        before = AT(h, KEPT(t - 1, i, p.n));
        REAL apart = MOVES || REFRACTORY == 1 ? AT(z, (t - 1) * p.n + i) : before - level(none);
        v = reset(before, REAL(FIRES(apart)), MOVES ? before - apart : level(none));
    } else if ((p.given & 1) != 0)
        v = AT(v0, i);
    return v;
}

void run(uint i, uint first, uint last)
{
    REAL g = REAL(0), a = REAL(0), sum = REAL(0), all = REAL(0); // gradients of v, u, w and a held x on the way back
    if (last < p.steps) {
        g = AT(gv, i);
        a = TWO_STATES ? AT(gu, i) : a;
        sum = LEARN == 0 ? sum : AT(gw, i);
        all = HELD == 0 ? all : AT(gx, i);
    } else {
        g = (p.given & 2) != 0 ? AT(gend, i) : g;
        a = TWO_STATES && (p.given & 4) != 0 ? AT(guend, i) : a;
    }
    float w_now = LEARN == 0 ? 0.0 : AT(w, 0);
    REAL k = learned(own_settings(i), w_now);
    uint at = (last - 1) * p.n + i;
    REAL h_now = AT(h, KEPT(last - 1, i, p.n)), none = REAL(0);
    for (uint t = last; t-- > first; at -= p.n) {
        REAL u_old = KEEPS_U ? AT(h, KEPT(t, i, p.n) + p.n) : none, u_now = u_old;
        REAL x = KEEPS_X ? AT(h, KEPT(t, i, p.n) + (PLANES - 1) * p.n) : none;
        if (AGAIN) {
            REAL first = h_now;
            charge(x, found(t, i, first), u_now, k, w_now);
        }
        REAL z_now = MOVES || REFRACTORY == 1 ? AT(z, at) : h_now - level(none);
        TEST deaf = EQUAL(z_now, REAL(uintBitsToFloat(DEAF)));
        REAL fired = REAL(FIRES(z_now));
        REAL slope = SURROGATE == 0 ? AT(d, at) : surrogate(SURROGATE, z_now, p.alpha, p.beta);
        if (REFRACTORY == 1)
            slope = mix(slope, none, deaf);
        if (SURROGATE == 0) // whatever the host made of an infinite distance
            slope = mix(slope, none, EQUAL(z_now, REAL(uintBitsToFloat(0xFF800000u))));
        REAL threshold = MOVES ? h_now - z_now : level(none);
        if (HAS_GTRACE == 1)
            g += AT(gtrace, at);
        // The spike: what it does outside, to the reset and to the second state.
        REAL spike = HAS_GS == 1 ? AT(gs, at) : none;
        if (ADAPTS) {
            spike += spike_slope(u_now, fired) * a;
            a *= adapt_slope(u_now, fired);
        }
        if (DETACH == 0)
            spike += g * rise(h_now, threshold);
        REAL through = mix(spike * slope, none, EQUAL(slope, none)); // 0, not NaN, where h overflowed
        if (MOVES)
            a += level_slope(u_now) * (fired * of_level(g, h_now, threshold) - through);
        g = mix(g, passed(g, h_now, threshold), AT_LEAST(fired, REAL(0.5))) + through;
        if (HAS_GTRACE == 2)
            g += AT(gtrace, at);
        REAL before = h_now, v = found(t, i, before);
        REAL held = g;
        if (REFRACTORY == 1) // the potential is held, the second state goes on
            g = mix(g, none, deaf);
        REAL own = discharge(x, u_old, h_now, v, g, a, sum, k, w_now);
        if (REFRACTORY == 1)
            g = mix(g, held, deaf);
        if (HELD == 1)
            all += own;
        else
            AT(gx, at) = own;
        h_now = before;
    }
    if (HELD == 1)
        AT(gx, i) = all;
    AT(gv, i) = g;
    if (TWO_STATES)
        AT(gu, i) = a;
    if (LEARN != 0)
        AT(gw, i) = sum;
}
#include "blocks.glsl"
