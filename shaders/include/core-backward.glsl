// Back through time, `run(i, first, last)`.  With BACK a call is one step, whose spikes also get the gradient that came
// back by the recurrent weights, and with AHEAD gx gets the input's gradient of the step before.
layout(std430, binding = 0) readonly buffer H { REAL h[]; }; // (T, n) potentials before each step
layout(std430, binding = 1) readonly buffer U { REAL u[]; }; // (T, n) second state before each step
layout(std430, binding = 2) readonly buffer D { REAL d[]; }; // (T, n) the surrogate's derivative, where the host gives it
layout(std430, binding = 3) readonly buffer B { float b[]; }; // (units) or (1)
layout(std430, binding = 4) readonly buffer C { float c[]; }; // (units) or (1)
layout(std430, binding = 5) readonly buffer Gy { REAL gy[]; }; // (T, n) gradient of the output
layout(std430, binding = 6) readonly buffer Gafter { REAL gafter[]; }; // of the state after the last step
layout(std430, binding = 7) writeonly buffer Gx { REAL gx[]; }; // (T, n)
layout(std430, binding = 8) buffer Gbefore { REAL gbefore[]; }; // of the state before the first step
layout(std430, binding = 9) buffer Gb { REAL gb[]; }; // (n)
layout(std430, binding = 10) buffer Gc { REAL gc[]; }; // (n)
#ifdef BACK
layout(std430, binding = 11) readonly buffer W { REAL w[]; }; // (units, units) to, from
#endif
#ifdef AHEAD
layout(std430, binding = 12) readonly buffer Gnext { vec4 gnext[]; }; // (rows, units) the input's gradient at this step
#endif
layout(push_constant) uniform Push {
    uint h_at; uint u_at; uint d_at; uint b_at; uint c_at; uint gy_at; uint gafter_at; uint gx_at; uint gbefore_at;
    uint gb_at; uint gc_at;
#ifdef AHEAD
    uint gnext_at; uint w_at; uint rows;
#elif defined(BACK)
    uint w_at; uint rows; uint tiles; // tiles: workgroups a sample; more than one for a single step only
#endif
    uint more; // gb and gc hold sums to add to
    uint n; uint steps; uint units; uint last;
    float threshold; float alpha; float beta;
} p;
#include "core.glsl"
layout(constant_id = 4) const uint SURROGATE = 1; // 0: d holds its values
layout(constant_id = 5) const uint HAS_GY = 1;
layout(constant_id = 6) const uint HAS_GAFTER = 1;
layout(constant_id = 7) const uint STORE_B = 0; // sums for beta
layout(constant_id = 8) const uint STORE_C = 0;
layout(constant_id = 9) const uint HAS_H = 1; // neither spikes nor sums need the potentials: 0
layout(constant_id = 10) const uint HAS_U = 1;
#ifdef BACK
REAL back; // gradient of this step's spikes that came by the weights
#else
const REAL back = REAL(0);
#endif

// Gradients of the state of element i, which begins at `own`, after the step before `last`.
void carried(uint last, uint own, out REAL g, out REAL a)
{
    g = a = REAL(0);
    if (last < p.steps) {
        g = gbefore[p.gbefore_at + own];
        a = TWO_STATES ? gbefore[p.gbefore_at + own + p.last] : a;
    } else if (HAS_GAFTER == 1) {
        g = gafter[p.gafter_at + own];
        a = TWO_STATES ? gafter[p.gafter_at + own + p.last] : a;
    }
}

void run(uint i, uint first, uint last)
{
    uint own = place(i);
    REAL g, a, sum_b = REAL(0), sum_c = REAL(0);
    carried(last, own, g, a);
    if (last < p.steps || p.more == 1) {
        sum_b = STORE_B == 1 ? gb[p.gb_at + i] : sum_b;
        sum_c = STORE_C == 1 ? gc[p.gc_at + i] : sum_c;
    }
    REAL beta = BETA(unit, i), second = SECOND(unit, i);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL v = HAS_H == 1 ? h[p.h_at + at] : REAL(0), other = HAS_U == 1 ? u[p.u_at + at] : REAL(0);
        REAL out_ = HAS_GY == 1 ? gy[p.gy_at + at] : REAL(0), slope = REAL(0);
        if (MODEL != LI)
            slope = SURROGATE == 0 ? d[p.d_at + at] : surrogate(SURROGATE, above(v, other), p.alpha, p.beta);
#ifndef AHEAD
        gx[p.gx_at + at] = of_input(g, a, out_);
#endif
        retreat(v, other, slope, out_, back, g, a, sum_b, sum_c, beta, second);
#ifdef AHEAD
        gx[p.gx_at + at] = of_input(g, a, REAL(0));
#endif
    }
    gbefore[p.gbefore_at + own] = g;
    if (TWO_STATES)
        gbefore[p.gbefore_at + own + p.last] = a;
    if (STORE_B == 1)
        gb[p.gb_at + i] = sum_b * (first > 0 ? REAL(1) : BETA(inside, i)); // beyond [0, 1] beta does nothing
    if (STORE_C == 1)
        gc[p.gc_at + i] = sum_c * (first > 0 ? REAL(1) : SECOND(inside, i));
}
