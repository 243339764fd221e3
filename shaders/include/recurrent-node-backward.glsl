// Back through one step of recurrent-node-forward.glsl, of element i: `back` is the gradient of the step's spikes that came
// by the weights.  gv and gf hold the gradients of the state, which move back, and sums those of w and decay.
READS(0, REAL, h); // (T, PLANES, rows, units) potentials before the reset, and more
READS(1, REAL, before); // (rows, units) before the first step, see `given`
READS(2, REAL, d); // (T, rows, units) the surrogate's derivative, if given
READS(3, float, w); // (1)
READS(4, REAL, weight); // (units, units) to, from
READS(5, REAL, gs); // (T, rows, units) gradient of the spikes
READS(6, REAL, later); // (rows, units) of the current after the last step
CHANGES(7, REAL, gx); // (T, rows, units)
CHANGES(8, REAL, gv); // (rows, units)
CHANGES(9, REAL, sums); // (2, rows, units)
CHANGES(10, REAL, gi); // (T, rows, units) of the current, with FILTER; else it is gx
READS(11, REAL, fs); // (T, rows, units) the synapse before each step
CHANGES(12, REAL, gf); // (rows, units)
READS(13, float, decay); // (1)
READS(14, REAL, gtrace); // (T, rows, units) of the potentials before the reset
layout(push_constant) uniform Push {
    OFFSETS(15); uint rows; uint steps; uint units;
    uint tiles; // workgroups a sample; more than one for a single step only
    uint given; // bits: 1: before holds the first potential, else that of the step before its reset; 2: later is there
    float k; float rest; float threshold; float reset; float alpha; float beta;
    float c0; float c1; float c2; float c3; float c4; float c5;
} p;
#include "node.glsl"
layout(constant_id = 5) const uint FILTER = 0;
layout(constant_id = 6) const uint SURROGATE = 1; // 0: d holds its values
layout(constant_id = 7) const uint DETACH = 0; // no gradient through the reset
layout(constant_id = 8) const uint HAS_GS = 1;
layout(constant_id = 9) const uint SUM_DECAY = 0;
layout(constant_id = 10) const uint STRICT = 0; // a spike needs more than the threshold
layout(constant_id = 11) const uint HAS_GTRACE = 0;

REAL above(REAL potential, REAL threshold)
{
    REAL z = potential - threshold;
    return REAL(STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)));
}

void step_back(uint t, uint i, REAL back)
{
    uint n = p.rows * p.units, at = t * n + i;
    float w_now = LEARN == 0 ? 0.0 : AT(w, 0);
    REAL k = learned(REAL(p.k), w_now);
    REAL h_now = AT(h, KEPT(t, i, n)), g = AT(gv, i), sum = LEARN == 0 ? REAL(0) : AT(sums, i), none = REAL(0);
    REAL threshold = level(none), z = h_now - threshold, spike = HAS_GS == 1 ? AT(gs, at) + back : back;
    REAL slope = SURROGATE == 0 ? AT(d, at) : surrogate(SURROGATE, z, p.alpha, p.beta);
    if (DETACH == 0)
        spike += g * rise(h_now, threshold);
    REAL through = mix(spike * slope, REAL(0), EQUAL(slope, REAL(0))); // 0, not NaN, where h overflowed
    g = mix(g, passed(g, h_now, threshold), AT_LEAST(above(h_now, threshold), REAL(0.5))) + through;
    if (HAS_GTRACE == 1)
        g += AT(gtrace, at);
    REAL v = t > 0 ? AT(h, KEPT(t - 1, i, n)) : AT(before, i);
    REAL x = KEEPS_X ? AT(h, KEPT(t, i, n) + n) : none;
    if (t > 0 || (p.given & 1) == 0)
        v = reset(v, above(v, threshold), threshold);
    TEST due = ABOVE(v - REAL(p.threshold), REAL(0));
    if (HARD == 4)
        g = mix(g, none, due);
    if (HARD == 3)
        v = mix(v, none, due);
    REAL own = discharge(x, none, h_now, v, g, none, sum, k, w_now);
    if (HARD == 3)
        g = mix(g, REAL(0), due);
    AT(gx, at) = own;
    AT(gv, i) = g;
    if (LEARN != 0)
        AT(sums, i) = sum;
    if (FILTER == 1) {
        own += AT(gf, i);
        if (SUM_DECAY == 1)
            AT(sums, n + i) += own * AT(fs, at);
        AT(gi, at) = own;
        AT(gf, i) = own * AT(decay, 0);
    }
}
