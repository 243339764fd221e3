#version 450
// variants: vec4
// Leaky nodes whose reset comes with the step after the spike, over T steps, state in registers.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer V0 { REAL v0[]; }; // (n)
layout(std430, binding = 2) readonly buffer U0 { REAL u0[]; }; // (n)
layout(std430, binding = 3) readonly buffer Q0 { REAL q0[]; }; // (n)
layout(std430, binding = 4) writeonly buffer S { REAL s[]; }; // (T, n) spikes
layout(std430, binding = 5) writeonly buffer H { REAL h[]; }; // (T, n) potentials that the spikes follow from
layout(std430, binding = 6) writeonly buffer Trace { REAL trace[]; }; // (T, n) potentials that the next step finds
layout(std430, binding = 7) writeonly buffer Us { REAL us[]; }; // (T, STATES - 1, n) currents after each step
layout(std430, binding = 8) buffer V { REAL v[]; }; // (n) potential after the last step
layout(std430, binding = 9) buffer U { REAL u[]; }; // (n)
layout(std430, binding = 10) buffer Q { REAL q[]; }; // (n)
layout(std430, binding = 11) readonly buffer Consts { float consts[]; }; // (4, m), see late-reset.glsl
layout(push_constant) uniform Push {
    uint x_at; uint v0_at; uint u0_at; uint q0_at; uint s_at; uint h_at; uint trace_at; uint us_at; uint v_at; uint u_at;
    uint q_at; uint consts_at;
    uint n; uint steps; uint m;
    uint given; // v0, u0 and q0 hold the first state, else it is 0
    float keep; float keep_u; float level; float scale; float gain;
} p;
#include "late-reset.glsl"
layout(constant_id = 5) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 6) const uint BLOCK = 0;
layout(constant_id = 7) const uint STORE_S = 1;
layout(constant_id = 8) const uint STORE_H = 0;
layout(constant_id = 9) const uint STORE_V = 0;
layout(constant_id = 10) const uint STORE_U = 0;

void run(uint i, uint first, uint last)
{
    REAL v_now = REAL(0), u_now = REAL(0), q_now = REAL(0), none = REAL(0);
    if (first > 0) {
        v_now = v[p.v_at + i];
        u_now = STATES > 1 ? u[p.u_at + i] : u_now;
        q_now = STATES > 2 ? q[p.q_at + i] : q_now;
    } else if (p.given == 1) {
        v_now = v0[p.v0_at + i];
        u_now = STATES > 1 ? u0[p.u0_at + i] : u_now;
        q_now = STATES > 2 ? q0[p.q0_at + i] : q_now;
    }
    REAL keep = unit(CONSTANT(0, p.keep, i)), keep_u = unit(CONSTANT(1, p.keep_u, i));
    REAL level = CONSTANT(2, p.level, i), scale = CONSTANT(3, p.scale, i);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        precise REAL own = p.gain * x[p.x_at + at], before = v_now, h_now;
        TEST late = FIRES(v_now, level);
        if (RESET == ZERO && STATES < 3)
            before = mix(before, none, late);
        if (STATES == 1)
            h_now = keep * before + own;
        if (STATES == 2) {
            precise REAL next = keep_u * u_now + own;
            h_now = keep * before + next;
            u_now = next;
        }
        if (RESET == SUBTRACT && STATES < 3)
            h_now = mix(h_now, h_now - level, late);
        if (STATES == 3) {
            precise REAL more = keep_u * u_now + own, less = keep * q_now - own;
            h_now = scale * (more + less);
            if (RESET == SUBTRACT) {
                h_now = mix(h_now, h_now + q_now, late);
                more = mix(more, more - level, late);
            } else if (RESET != NEVER)
                more = mix(more, none, late);
            u_now = more;
            q_now = RESET != NEVER ? mix(less, none, late) : less;
        }
        if (RESET == BLANK || (RESET == ZERO && STATES == 3))
            h_now = mix(h_now, none, late);
        TEST fires = FIRES(h_now, level);
        REAL fired = REAL(fires);
        v_now = h_now;
        if (LATE == 0 && RESET == SUBTRACT) {
            precise REAL down = h_now - level, up = h_now + level;
            v_now = mix(mix(h_now, up, late), mix(down, h_now, late), fires);
        } else if (LATE == 0 && RESET != NEVER) {
            precise REAL left = h_now - (fired - REAL(late)) * h_now;
            v_now = left;
        }
        if (STORE_S == 1)
            s[p.s_at + at] = fired;
        if (STORE_H == 1)
            h[p.h_at + at] = h_now;
        if (STORE_V == 1)
            trace[p.trace_at + at] = v_now;
        if (STORE_U == 1 && STATES > 1) {
            uint place = p.us_at + t * (STATES - 1) * p.n + i;
            us[place] = u_now;
            if (STATES > 2)
                us[place + p.n] = q_now;
        }
    }
    v[p.v_at + i] = v_now;
    if (STATES > 1)
        u[p.u_at + i] = u_now;
    if (STATES > 2)
        q[p.q_at + i] = q_now;
}
#include "blocks.glsl"
