// Cores over time, state in registers: `run(i, first, last)`, fire, reset and take up the input in each step.  With BACK
// a call is one step that also takes up what the spikes of all units sent back, and with AHEAD y gets the spikes of the
// next step.
layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer Before { REAL before[]; }; // state, (n) or (rows, 2, last)
layout(std430, binding = 2) readonly buffer B { float b[]; }; // (units) or (1)
layout(std430, binding = 3) readonly buffer C { float c[]; }; // (units) or (1)
layout(std430, binding = 4) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(std430, binding = 5) writeonly buffer H { REAL h[]; }; // (T, n) potentials before each step
layout(std430, binding = 6) writeonly buffer U { REAL u[]; }; // (T, n) second state before each step
layout(std430, binding = 7) buffer After { REAL after[]; }; // state after the last step
#ifdef BACK
layout(std430, binding = 8) readonly buffer W { REAL w[]; }; // (units, units) from, to
#endif
#ifdef AHEAD
layout(std430, binding = 9) readonly buffer S { vec4 s[]; }; // (rows, units) the spikes of this step
#endif
layout(push_constant) uniform Push {
    uint x_at; uint before_at; uint b_at; uint c_at; uint y_at; uint h_at; uint u_at; uint after_at;
#ifdef AHEAD
    uint s_at; uint w_at; uint rows;
#elif defined(BACK)
    uint w_at; uint rows; uint tiles; // tiles: workgroups a sample; more than one for a single step only
#endif
    uint n; uint steps; uint units; uint last;
    float threshold;
} p;
#include "core.glsl"
layout(constant_id = 4) const uint STORE_H = 0;
layout(constant_id = 5) const uint STORE_U = 0;
#ifdef BACK
REAL back; // what the spikes of this step add to x by the weights
REAL next_spikes; // who fires in the step behind this one
#endif

void run(uint i, uint first, uint last)
{
    uint own = place(i);
    REAL v = first > 0 ? after[p.after_at + own] : before[p.before_at + own], other = REAL(0);
    if (TWO_STATES)
        other = first > 0 ? after[p.after_at + own + p.last] : before[p.before_at + own + p.last];
    REAL beta = BETA(unit, i), second = SECOND(unit, i);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        if (STORE_H == 1)
            h[p.h_at + at] = v;
        if (STORE_U == 1)
            u[p.u_at + at] = other;
        REAL fired = MODEL == LI ? REAL(0) : REAL(ABOVE(above(v, other), REAL(0)));
#ifdef BACK
        advance(x[p.x_at + at] + back, fired, v, other, beta, second);
        next_spikes = REAL(ABOVE(above(v, other), REAL(0)));
#ifdef AHEAD
        fired = next_spikes;
#endif
        y[p.y_at + at] = fired;
#else
        y[p.y_at + at] = advance(x[p.x_at + at], fired, v, other, beta, second);
#endif
    }
    after[p.after_at + own] = v;
    if (TWO_STATES)
        after[p.after_at + own + p.last] = other;
}
