// Back through time, `run(i, first, last)`.  With BACK a call is one step, whose spikes also get the gradient that came
// back by the recurrent weights, and with AHEAD gx gets the input's gradient of the step before.
READS(0, REAL, h); // (T, n) potentials before each step
READS(1, REAL, u); // (T, n) second state before each step
READS(2, REAL, d); // (T, n) the surrogate's derivative, where the host gives it
READS(3, float, b); // (units) or (1)
READS(4, float, c); // (units) or (1)
READS(5, REAL, gy); // (T, n) gradient of the output
READS(6, REAL, gafter); // of the state after the last step
WRITES(7, REAL, gx); // (T, n)
CHANGES(8, REAL, gbefore); // of the state before the first step
CHANGES(9, REAL, gb); // (n)
CHANGES(10, REAL, gc); // (n)
#ifdef BACK
READS(11, REAL, w); // (units, units) to, from
#endif
#ifdef AHEAD
READS(12, vec4, gnext); // (rows, units) the input's gradient at this step
#endif
layout(push_constant) uniform Push {
#ifdef AHEAD
    OFFSETS(13); uint rows;
#elif defined(BACK)
    OFFSETS(12); uint rows; uint tiles; // tiles: workgroups a sample; more than one for a single step only
#else
    OFFSETS(11);
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
layout(constant_id = 13) const uint NEXT = 0; // 1: gx gets the input's gradient of the step before
const REAL back = REAL(0);
#endif

// Gradients of the state of element i, which begins at `own`, after the step before `last`.
void carried(uint last, uint own, out REAL g, out REAL a)
{
    g = a = REAL(0);
    if (last < p.steps) {
        g = AT(gbefore, own);
        a = TWO_STATES ? AT(gbefore, own + p.last) : a;
    } else if (HAS_GAFTER == 1) {
        g = AT(gafter, own);
        a = TWO_STATES ? AT(gafter, own + p.last) : a;
    }
}

void run(uint i, uint first, uint last)
{
    uint own = place(i);
    REAL g, a, sum_b = REAL(0), sum_c = REAL(0);
    carried(last, own, g, a);
    if (last < p.steps || p.more == 1) {
        sum_b = STORE_B == 1 ? AT(gb, i) : sum_b;
        sum_c = STORE_C == 1 ? AT(gc, i) : sum_c;
    }
    REAL beta = BETA(unit, i), second = SECOND(unit, i);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL v = HAS_H == 1 ? AT(h, at) : REAL(0), other = HAS_U == 1 ? AT(u, at) : REAL(0);
        REAL out_ = HAS_GY == 1 ? AT(gy, at) : REAL(0), slope = REAL(0);
        if (SPIKES)
            slope = SURROGATE == 0 ? AT(d, at) : surrogate(SURROGATE, above(v, other), p.alpha, p.beta);
#ifndef AHEAD
#ifndef BACK
        if (NEXT == 0)
#endif
            AT(gx, at) = of_input(g, a, out_);
#endif
        retreat(v, other, slope, out_, back, g, a, sum_b, sum_c, beta, second);
#ifdef AHEAD
        AT(gx, at) = of_input(g, a, REAL(0));
#elif !defined(BACK)
        if (NEXT == 1)
            AT(gx, at) = of_input(g, a, REAL(0));
#endif
    }
    AT(gbefore, own) = g;
    if (TWO_STATES)
        AT(gbefore, own + p.last) = a;
    if (STORE_B == 1)
        AT(gb, i) = sum_b * (first > 0 ? REAL(1) : BETA(inside, i)); // beyond [0, 1] beta does nothing
    if (STORE_C == 1)
        AT(gc, i) = sum_c * (first > 0 ? REAL(1) : SECOND(inside, i));
}
