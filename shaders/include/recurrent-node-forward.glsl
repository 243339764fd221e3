// Spiking nodes that hear their own spikes of the step before: `step_on` is one step of element i, with `back`, the weighted
// sum of those spikes.  With FILTER it goes through an exponential synapse, by itself (1) or with the input (2).  v and f
// hold the state and move on.
layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, rows, units)
layout(std430, binding = 1) buffer V { REAL v[]; }; // (rows, units) potential
layout(std430, binding = 2) readonly buffer W { float w[]; }; // (1) the node's learnable number
layout(std430, binding = 3) readonly buffer Weight { REAL weight[]; }; // (units, units) from, to
layout(std430, binding = 4) readonly buffer Bias { REAL bias[]; }; // (units)
layout(std430, binding = 5) readonly buffer Prev { REAL prev[]; }; // (rows, units) what was before the first step
layout(std430, binding = 6) writeonly buffer S { REAL s[]; }; // (T, rows, units) spikes
layout(std430, binding = 7) writeonly buffer H { REAL h[]; }; // (T, rows, units) potentials before the reset
layout(std430, binding = 8) buffer F { REAL f[]; }; // (rows, units) the synapse
layout(std430, binding = 9) writeonly buffer Fs { REAL fs[]; }; // (T, rows, units) the synapse before each step
layout(std430, binding = 10) readonly buffer Decay { float decay[]; }; // (1) of the synapse
layout(push_constant) uniform Push {
    uint x_at; uint v_at; uint w_at; uint weight_at; uint bias_at; uint prev_at; uint s_at; uint h_at; uint f_at;
    uint fs_at; uint decay_at;
    uint rows; uint steps; uint units;
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
    uint at = t * p.rows * p.units + i;
    float w_now = LEARN == 0 ? 0.0 : w[p.w_at];
    float k = LEARN == 1 ? same_quotient(1.0, 1.0 + exponential(-w_now)) : p.k;
    precise REAL current = back;
    if (BIAS == 1)
        current += bias[p.bias_at + i % p.units];
    if (FILTER == 2)
        current = x[p.x_at + at] + current;
    if (FILTER != 0) {
        REAL before = f[p.f_at + i];
        if (STORE_F == 1)
            fs[p.fs_at + at] = before;
        current = before * decay[p.decay_at] + current;
        f[p.f_at + i] = current;
    }
    if (FILTER != 2)
        current = x[p.x_at + at] + current;
    REAL none = REAL(0), before_it = v[p.v_at + i];
    TEST due = ABOVE(before_it - p.threshold, REAL(0));
    if (HARD == 3)
        before_it = mix(before_it, REAL(0), due);
    precise REAL h_now = charge(current, before_it, none, k, w_now);
    if (HARD == 2)
        h_now = mix(h_now, h_now - p.threshold, due);
    if (HARD == 4)
        h_now = mix(h_now, REAL(0), due);
    precise REAL z = h_now - p.threshold;
    REAL fired = REAL(STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)));
    v[p.v_at + i] = reset(h_now, fired, REAL(p.threshold));
    if (STORE_H == 1)
        h[p.h_at + at] = h_now;
    s[p.s_at + at] = fired;
    return fired;
}
