#version 450
// variants: vec4
// Neurons that leave a trace, over T steps, state in registers: sum of the inputs, potential where not refractory, spike,
// trace, threshold, refractory time, reset.  With MODEL INPUT the input itself is what leaves the trace.
#include "common.glsl"
#include "vector.glsl"
#include "membranes.glsl" // made of equations/updates.py

layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint MODEL = 1;
layout(constant_id = 4) const uint TRACE = 1; // how the trace decays: LINEAR or EXPONENTIAL
layout(constant_id = 5) const uint ADAPT = 0; // the threshold: 0 fixed, LINEAR or EXPONENTIAL
layout(constant_id = 6) const uint BITS = 0; // the input is booleans
layout(constant_id = 7) const uint FOLD = 0; // the input is (T, n, m)
layout(constant_id = 8) const uint PRE = 0; // with FOLD: take pre off each input
const uint INPUT = 0, LINEAR = 1, EXPONENTIAL = 2, IF = 3;

READS(0, COUNT, x); // (T, n) words
READS(1, uint, many); // (T, n, m) words
READS(2, float, pre); // (T, n, m)
READS(3, REAL, center); // (n) where the threshold goes back to
CHANGES(4, REAL, v); // (n) state: potential, trace, refractory time left, threshold
CHANGES(5, REAL, trace);
CHANGES(6, REAL, refrac);
CHANGES(7, REAL, thresh);
WRITES(8, COUNT, last_s); // (n) the last step's spikes
WRITES(9, COUNT, s); // (T, n)
WRITES(10, REAL, y); // (T, n)
layout(push_constant) uniform Push {
    OFFSETS(11); uint n; uint steps; uint m;
    float rest; float alpha_v; float k_v; float alpha_t; float k_t; float alpha_thresh; float k_thresh; float dt; float hold;
} p;

float word(uint w) { return BITS == 1 ? float(w != 0) : uintBitsToFloat(w); }

float folded(uint at)
{
    precise float sum = 0.0;
    for (uint k = at * p.m; k < (at + 1) * p.m; k++)
        sum += PRE == 1 ? word(AT(many, k)) - AT(pre, k) : word(AT(many, k));
    return sum;
}

// x decays to `to` and jumps by alpha s: by the factor k, or as the first order of exponential decay with k = dt / tau.
REAL follow(uint how, REAL x, REAL to, float k, float alpha, REAL s)
{
    precise REAL jump = alpha * s;
    return how == LINEAR ? linear(x, jump, to, k) : first_order(x, jump, to, k);
}

#if VEC == 4
REAL input_at(uint at)
{
    if (FOLD == 1)
        return vec4(folded(4 * at), folded(4 * at + 1), folded(4 * at + 2), folded(4 * at + 3));
    return BITS == 1 ? vec4(notEqual(AT(x, at), uvec4(0))) : uintBitsToFloat(AT(x, at));
}
#else
REAL input_at(uint at) { return FOLD == 1 ? folded(at) : word(AT(x, at)); }
#endif

void run(uint i, uint first, uint last)
{
    REAL y_now = AT(trace, i), v_now = REAL(0), left = REAL(0), threshold = REAL(0), back = REAL(0);
    if (MODEL != INPUT) {
        v_now = AT(v, i);
        left = AT(refrac, i);
        threshold = AT(thresh, i);
        back = ADAPT == 0 ? threshold : AT(center, i);
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
            AT(s, at) = COUNT(spike);
        }
        if (t + 1 == p.steps)
            AT(last_s, i) = COUNT(spike);
        y_now = follow(TRACE, y_now, REAL(0), p.k_t, p.alpha_t, fired);
        AT(y, at) = y_now;
    }
    AT(trace, i) = y_now;
    if (MODEL != INPUT) {
        AT(v, i) = v_now;
        AT(refrac, i) = left;
        if (ADAPT != 0)
            AT(thresh, i) = threshold;
    }
}
#include "blocks.glsl"
