#version 450
// variants: vec4
// Recurrent cores without recurrent weights over T steps, state in registers: fire, reset, take up the input in each.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer Before { REAL before[]; }; // state, (n) or (rows, 2, last)
layout(std430, binding = 2) readonly buffer B { float b[]; }; // (units) or (1)
layout(std430, binding = 3) readonly buffer C { float c[]; }; // (units) or (1)
layout(std430, binding = 4) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(std430, binding = 5) writeonly buffer H { REAL h[]; }; // (T, n) potentials before each step
layout(std430, binding = 6) writeonly buffer U { REAL u[]; }; // (T, n) second state before each step
layout(std430, binding = 7) buffer After { REAL after[]; }; // state after the last step
layout(std430, binding = 8) readonly buffer Back { REAL back[]; }; // (n) with BACK: what the spikes' weights add to x
layout(push_constant) uniform Push {
    uint x_at; uint before_at; uint b_at; uint c_at; uint y_at; uint h_at; uint u_at; uint after_at; uint back_at;
    uint n; uint steps; uint units; uint last;
    float threshold;
} p;
#include "core.glsl"
layout(constant_id = 4) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 5) const uint BLOCK = 0;
layout(constant_id = 6) const uint STORE_H = 0;
layout(constant_id = 7) const uint STORE_U = 0;
layout(constant_id = 8) const uint BACK = 0; // one step, and y gets the spikes of the next

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
        REAL drive = BACK == 1 ? x[p.x_at + at] + back[p.back_at + i] : x[p.x_at + at];
        REAL result = advance(drive, fired, v, other, beta, second);
        y[p.y_at + at] = BACK == 1 ? REAL(ABOVE(above(v, other), REAL(0))) : result;
    }
    after[p.after_at + own] = v;
    if (TWO_STATES)
        after[p.after_at + own + p.last] = other;
}
#include "blocks.glsl"
