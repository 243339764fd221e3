// Cores over time, state in registers: `run(i, first, last)`, fire, reset and take up the input in each step.  With BACK
// a call is one step that also takes up what the spikes of all units sent back, and with AHEAD y gets the spikes of the
// next step.
READS(0, REAL, x); // (T, n)
READS(1, REAL, before); // state, (n) or (rows, 2, last)
READS(2, float, b); // (units) or (1)
READS(3, float, c); // (units) or (1)
WRITES(4, REAL, y); // (T, n)
WRITES(5, REAL, h); // (T, n) potentials before each step
WRITES(6, REAL, u); // (T, n) second state before each step
CHANGES(7, REAL, after); // state after the last step
#ifdef BACK
READS(8, REAL, w); // (units, units) from, to
#endif
#ifdef AHEAD
READS(9, vec4, s); // (rows, units) the spikes of this step
#endif
layout(push_constant) uniform Push {
#ifdef AHEAD
    OFFSETS(10); uint rows;
#elif defined(BACK)
    OFFSETS(9); uint rows; uint tiles; // tiles: workgroups a sample; more than one for a single step only
#else
    OFFSETS(8);
#endif
    uint n; uint steps; uint units; uint last;
    float threshold;
} p;
#include "core.glsl"
layout(constant_id = 4) const uint STORE_H = 0;
layout(constant_id = 5) const uint STORE_U = 0;
#ifndef BACK
layout(constant_id = 8) const uint NEXT = 0; // 1: y gets the spikes of the next step
#else
REAL back; // what the spikes of this step add to x by the weights
REAL next_spikes; // who fires in the step behind this one
#endif

void run(uint i, uint first, uint last)
{
    uint own = place(i);
    REAL v = first > 0 ? AT(after, own) : AT(before, own), other = REAL(0);
    if (TWO_STATES)
        other = first > 0 ? AT(after, own + p.last) : AT(before, own + p.last);
    REAL beta = BETA(unit, i), second = SECOND(unit, i);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        if (STORE_H == 1)
            AT(h, at) = v;
        if (STORE_U == 1)
            AT(u, at) = other;
        REAL fired = SPIKES ? REAL(ABOVE(above(v, other), REAL(0))) : REAL(0);
#ifdef BACK
        advance(AT(x, at) + back, fired, v, other, beta, second);
        next_spikes = REAL(ABOVE(above(v, other), REAL(0)));
#ifdef AHEAD
        fired = next_spikes;
#endif
        AT(y, at) = fired;
#else
        REAL shown = advance(AT(x, at), fired, v, other, beta, second);
        AT(y, at) = NEXT == 1 ? REAL(ABOVE(above(v, other), REAL(0))) : shown;
#endif
    }
    AT(after, own) = v;
    if (TWO_STATES)
        AT(after, own + p.last) = other;
}
