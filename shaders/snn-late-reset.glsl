#version 450
// variants: vec4
// Leaky nodes whose reset comes with the step after the spike, over T steps, state in registers.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n)
READS(1, REAL, v0); // (n)
READS(2, REAL, u0); // (n)
READS(3, REAL, q0); // (n)
WRITES(4, REAL, s); // (T, n) spikes
WRITES(5, REAL, h); // (T, n) potentials that the spikes follow from
WRITES(6, REAL, trace); // (T, n) potentials that the next step finds
WRITES(7, REAL, us); // (T, STATES - 1, n) currents after each step
CHANGES(8, REAL, v); // (n) potential after the last step
CHANGES(9, REAL, u); // (n)
CHANGES(10, REAL, q); // (n)
READS(11, float, consts); // (4, m), see late-reset.glsl
layout(push_constant) uniform Push {
    OFFSETS(12); uint n; uint steps; uint m;
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
        v_now = AT(v, i);
        u_now = STATES > 1 ? AT(u, i) : u_now;
        q_now = STATES > 2 ? AT(q, i) : q_now;
    } else if (p.given == 1) {
        v_now = AT(v0, i);
        u_now = STATES > 1 ? AT(u0, i) : u_now;
        q_now = STATES > 2 ? AT(q0, i) : q_now;
    }
    REAL keep = unit(CONSTANT(0, p.keep, i)), keep_u = unit(CONSTANT(1, p.keep_u, i));
    REAL level = CONSTANT(2, p.level, i), scale = CONSTANT(3, p.scale, i);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        precise REAL own = p.gain * AT(x, at), before = v_now, h_now;
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
            AT(s, at) = fired;
        if (STORE_H == 1)
            AT(h, at) = h_now;
        if (STORE_V == 1)
            AT(trace, at) = v_now;
        if (STORE_U == 1 && STATES > 1) {
            uint place = BEGIN(us) + t * (STATES - 1) * p.n + i;
            us[place] = u_now;
            if (STATES > 2)
                us[place + p.n] = q_now;
        }
    }
    AT(v, i) = v_now;
    if (STATES > 1)
        AT(u, i) = u_now;
    if (STATES > 2)
        AT(q, i) = q_now;
}
#include "blocks.glsl"
