// Spiking nodes that hear their own spikes of the step before: `step_on` is one step of element i, with `back`, the weighted
// sum of those spikes.  With FILTER it goes through an exponential synapse, by itself (1) or with the input (2).  v and f
// hold the state and move on.
READS(0, REAL, x); // (T, rows, units)
CHANGES(1, REAL, v); // (rows, units) potential
READS(2, float, w); // (1) the node's learnable number
READS(3, REAL, weight); // (units, units) from, to
READS(4, REAL, bias); // (units)
READS(5, REAL, prev); // (rows, units) what was before the first step
WRITES(6, REAL, s); // (T, rows, units) spikes
WRITES(7, REAL, h); // (T, PLANES, rows, units) potentials before the reset, and more
CHANGES(8, REAL, f); // (rows, units) the synapse
WRITES(9, REAL, fs); // (T, rows, units) the synapse before each step
READS(10, float, decay); // (1) of the synapse
layout(push_constant) uniform Push {
    OFFSETS(11); uint rows; uint steps; uint units;
    uint tiles; // workgroups a sample; more than one for a single step only
    uint came; // prev holds, 0: nothing, 1: spikes, 2: their weighted sum
    float k; float rest; float threshold; float reset;
    float c0; float c1; float c2; float c3; float c4; float c5;
} p;
#include "node.glsl"
layout(constant_id = 5) const uint BIAS = 0;
layout(constant_id = 6) const uint FILTER = 0; // 1: of the spikes' current, 2: of the input too
layout(constant_id = 7) const uint STORE_H = 0;
layout(constant_id = 8) const uint STORE_F = 0;
layout(constant_id = 9) const uint STRICT = 0; // a spike needs more than the threshold

// Who fires.
REAL step_on(uint t, uint i, REAL back)
{
    uint n = p.rows * p.units, at = t * n + i;
    float w_now = LEARN == 0 ? 0.0 : AT(w, 0);
    REAL k = learned(REAL(p.k), w_now);
    precise REAL current = back;
    if (BIAS == 1)
        current += AT(bias, i % p.units);
    if (FILTER == 2)
        current = AT(x, at) + current;
    if (FILTER != 0) {
        REAL before = AT(f, i);
        if (STORE_F == 1)
            AT(fs, at) = before;
        current = before * AT(decay, 0) + current;
        AT(f, i) = current;
    }
    if (FILTER != 2)
        current = AT(x, at) + current;
    REAL none = REAL(0), before_it = AT(v, i);
    TEST due = ABOVE(before_it - p.threshold, REAL(0));
    if (HARD == 3)
        before_it = mix(before_it, REAL(0), due);
    precise REAL h_now = charge(current, before_it, none, k, w_now);
    REAL threshold = level(none);
    if (HARD == 2)
        h_now = mix(h_now, h_now - p.threshold, due);
    if (HARD == 4)
        h_now = mix(h_now, REAL(0), due);
    precise REAL z = h_now - threshold;
    REAL fired = REAL(STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)));
    AT(v, i) = reset(h_now, fired, threshold);
    if (STORE_H == 1)
        AT(h, KEPT(t, i, n)) = h_now;
    if (STORE_H == 1 && KEEPS_X)
        AT(h, KEPT(t, i, n) + n) = current;
    AT(s, at) = fired;
    return fired;
}
