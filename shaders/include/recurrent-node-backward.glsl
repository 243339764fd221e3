// Back through one step of recurrent-node-forward.glsl, of element i: `back` is the gradient of the step's spikes that came
// by the weights.  gv and gf hold the gradients of the state, which move back, and sums those of w and decay.
layout(std430, binding = 0) readonly buffer H { REAL h[]; }; // (T, rows, units) potentials before the reset
layout(std430, binding = 1) readonly buffer Before { REAL before[]; }; // (rows, units) before the first step, see `given`
layout(std430, binding = 2) readonly buffer D { REAL d[]; }; // (T, rows, units) the surrogate's derivative, if given
layout(std430, binding = 3) readonly buffer W { float w[]; }; // (1)
layout(std430, binding = 4) readonly buffer Weight { REAL weight[]; }; // (units, units) to, from
layout(std430, binding = 5) readonly buffer Gs { REAL gs[]; }; // (T, rows, units) gradient of the spikes
layout(std430, binding = 6) readonly buffer Later { REAL later[]; }; // (rows, units) of the current after the last step
layout(std430, binding = 7) buffer Gx { REAL gx[]; }; // (T, rows, units)
layout(std430, binding = 8) buffer Gv { REAL gv[]; }; // (rows, units)
layout(std430, binding = 9) buffer Sums { REAL sums[]; }; // (2, rows, units)
layout(std430, binding = 10) buffer Gi { REAL gi[]; }; // (T, rows, units) of the current, with FILTER; else it is gx
layout(std430, binding = 11) readonly buffer Fs { REAL fs[]; }; // (T, rows, units) the synapse before each step
layout(std430, binding = 12) buffer Gf { REAL gf[]; }; // (rows, units)
layout(std430, binding = 13) readonly buffer Decay { float decay[]; }; // (1)
layout(std430, binding = 14) readonly buffer Gtrace { REAL gtrace[]; }; // (T, rows, units) of the potentials before the reset
layout(push_constant) uniform Push {
    uint h_at; uint before_at; uint d_at; uint w_at; uint weight_at; uint gs_at; uint later_at; uint gx_at; uint gv_at;
    uint sums_at; uint gi_at; uint fs_at; uint gf_at; uint decay_at; uint gtrace_at;
    uint rows; uint steps; uint units;
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

REAL above(REAL potential)
{
    REAL z = potential - REAL(p.threshold);
    return REAL(STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)));
}

void step_back(uint t, uint i, REAL back)
{
    uint n = p.rows * p.units, at = t * n + i;
    float w_now = LEARN == 0 ? 0.0 : w[p.w_at];
    float k = LEARN == 1 ? same_quotient(1.0, 1.0 + exponential(-w_now)) : p.k;
    REAL h_now = h[p.h_at + at], g = gv[p.gv_at + i], sum = LEARN == 0 ? REAL(0) : sums[p.sums_at + i];
    REAL z = h_now - REAL(p.threshold), spike = HAS_GS == 1 ? gs[p.gs_at + at] + back : back;
    REAL slope = SURROGATE == 0 ? d[p.d_at + at] : surrogate(SURROGATE, z, p.alpha, p.beta);
    if (DETACH == 0)
        spike += g * (HARD == 1 ? REAL(p.reset) - h_now : REAL(-p.threshold));
    REAL through = mix(spike * slope, REAL(0), EQUAL(slope, REAL(0))); // 0, not NaN, where h overflowed
    g = (HARD == 1 ? g - above(h_now) * g : g) + through;
    if (HAS_GTRACE == 1)
        g += gtrace[p.gtrace_at + at];
    REAL v = t > 0 ? h[p.h_at + at - n] : before[p.before_at + i], none = REAL(0);
    if (t > 0 || (p.given & 1) == 0)
        v = reset(v, above(v), REAL(p.threshold));
    TEST due = ABOVE(v - REAL(p.threshold), REAL(0));
    if (HARD == 4)
        g = mix(g, none, due);
    if (HARD == 3)
        v = mix(v, none, due);
    REAL own = discharge(h_now, v, g, none, sum, k, w_now);
    if (HARD == 3)
        g = mix(g, REAL(0), due);
    gx[p.gx_at + at] = own;
    gv[p.gv_at + i] = g;
    if (LEARN != 0)
        sums[p.sums_at + i] = sum;
    if (FILTER == 1) {
        own += gf[p.gf_at + i];
        if (SUM_DECAY == 1)
            sums[p.sums_at + n + i] += own * fs[p.fs_at + at];
        gi[p.gi_at + at] = own;
        gf[p.gf_at + i] = own * decay[p.decay_at];
    }
}
