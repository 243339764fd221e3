#version 450
// variants: vec4
// Neurons that leave a trace, over T steps, state in registers: sum of the inputs, potential where not refractory, spike,
// trace, threshold, refractory time, reset.  With MODEL INPUT the input itself is what leaves the trace.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint MODEL = 1;
layout(constant_id = 4) const uint TRACE = 1; // how the trace decays: LINEAR or EXPONENTIAL
layout(constant_id = 5) const uint ADAPT = 0; // the threshold: 0 fixed, LINEAR or EXPONENTIAL
layout(constant_id = 6) const uint BITS = 0; // the input is booleans
layout(constant_id = 7) const uint FOLD = 0; // the input is (T, n, m)
layout(constant_id = 8) const uint PRE = 0; // with FOLD: take pre off each input
const uint INPUT = 0, LINEAR = 1, EXPONENTIAL = 2, IF = 3;

layout(std430, binding = 0) readonly buffer X { COUNT x[]; }; // (T, n) words
layout(std430, binding = 1) readonly buffer Many { uint many[]; }; // (T, n, m) words
layout(std430, binding = 2) readonly buffer Pre { float pre[]; }; // (T, n, m)
layout(std430, binding = 3) readonly buffer Center { REAL center[]; }; // (n) where the threshold goes back to
layout(std430, binding = 4) buffer V { REAL v[]; }; // (n) state: potential, trace, refractory time left, threshold
layout(std430, binding = 5) buffer Trace { REAL trace[]; };
layout(std430, binding = 6) buffer Refrac { REAL refrac[]; };
layout(std430, binding = 7) buffer Thresh { REAL thresh[]; };
layout(std430, binding = 8) writeonly buffer Last { COUNT last_s[]; }; // (n) the last step's spikes
layout(std430, binding = 9) writeonly buffer S { COUNT s[]; }; // (T, n)
layout(std430, binding = 10) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint many_at; uint pre_at; uint center_at; uint v_at; uint trace_at; uint refrac_at; uint thresh_at;
    uint last_s_at; uint s_at; uint y_at;
    uint n; uint steps; uint m;
    float rest; float alpha_v; float k_v; float alpha_t; float k_t; float alpha_thresh; float k_thresh; float dt; float hold;
} p;

float word(uint w) { return BITS == 1 ? float(w != 0) : uintBitsToFloat(w); }

float folded(uint at)
{
    precise float sum = 0.0;
    for (uint k = at * p.m; k < (at + 1) * p.m; k++)
        sum += PRE == 1 ? word(many[p.many_at + k]) - pre[p.pre_at + k] : word(many[p.many_at + k]);
    return sum;
}

// x decays to `to` and jumps by alpha s: by the factor k, or as the first order of exponential decay with k = dt / tau.
REAL follow(uint how, REAL x, REAL to, float k, float alpha, REAL s)
{
    precise REAL linear = to + ((x - to) * k + alpha * s);
    precise REAL exponential = x + k * (alpha * s - (x - to));
    return how == LINEAR ? linear : exponential;
}

#if VEC == 4
REAL input_at(uint at)
{
    if (FOLD == 1)
        return vec4(folded(4 * at), folded(4 * at + 1), folded(4 * at + 2), folded(4 * at + 3));
    return BITS == 1 ? vec4(notEqual(x[p.x_at + at], uvec4(0))) : uintBitsToFloat(x[p.x_at + at]);
}
#else
REAL input_at(uint at) { return FOLD == 1 ? folded(at) : word(x[p.x_at + at]); }
#endif

void run(uint i, uint first, uint last)
{
    REAL y_now = trace[p.trace_at + i], v_now = REAL(0), left = REAL(0), threshold = REAL(0), back = REAL(0);
    if (MODEL != INPUT) {
        v_now = v[p.v_at + i];
        left = refrac[p.refrac_at + i];
        threshold = thresh[p.thresh_at + i];
        back = ADAPT == 0 ? threshold : center[p.center_at + i];
    }
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        REAL in_now = input_at(at), fired = in_now;
        TEST spike = NONE(EQUAL(in_now, REAL(0)));
        if (MODEL != INPUT) {
            precise REAL sum = v_now + p.alpha_v * in_now;
            REAL charged = MODEL == IF ? sum : follow(MODEL, v_now, REAL(p.rest), p.k_v, p.alpha_v, in_now);
            v_now = mix(MODEL == LINEAR ? REAL(p.rest) : v_now, charged, EQUAL(left, REAL(0)));
            spike = AT_LEAST(v_now, threshold);
            fired = REAL(spike);
            if (ADAPT != 0)
                threshold = follow(ADAPT, threshold, back, p.k_thresh, p.alpha_thresh, fired);
            precise REAL less = left - p.dt;
            left = mix(REAL(0), less, ABOVE(less, REAL(0.5 * p.dt))) + p.hold * fired; // exactly 0 in the end
            v_now = mix(v_now, REAL(p.rest), spike);
            s[p.s_at + at] = COUNT(spike);
        }
        if (t + 1 == p.steps)
            last_s[p.last_s_at + i] = COUNT(spike);
        y_now = follow(TRACE, y_now, REAL(0), p.k_t, p.alpha_t, fired);
        y[p.y_at + at] = y_now;
    }
    trace[p.trace_at + i] = y_now;
    if (MODEL != INPUT) {
        v[p.v_at + i] = v_now;
        refrac[p.refrac_at + i] = left;
        if (ADAPT != 0)
            thresh[p.thresh_at + i] = threshold;
    }
}
#include "blocks.glsl"
