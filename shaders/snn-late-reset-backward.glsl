#version 450
// variants: vec4
// Backpropagation through time of snn-late-reset: gradients of the input, of the state before the first step, and of
// the four constants (sums over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"

READS(0, REAL, h); // (T, n) potentials that the spikes follow from
READS(1, REAL, held); // (T, n) with LATE 0: those that the next step found
READS(2, REAL, us); // (T, STATES - 1, n) currents, for SUMS
READS(3, REAL, d); // (T, n) the surrogate's derivative, where the host gives it
READS(4, REAL, v0); // (n)
READS(5, REAL, u0); // (n)
READS(6, REAL, q0); // (n)
READS(7, REAL, gs); // (T, n) gradient of the spikes
READS(8, REAL, gtrace); // (T, n) of the potentials, see HAS_GTRACE
CHANGES(9, REAL, gx); // (T, n)
CHANGES(10, REAL, gv); // (n) of the last potential, and then of the first
CHANGES(11, REAL, gu); // (n)
CHANGES(12, REAL, gq); // (n)
CHANGES(13, REAL, sums); // (4, n)
READS(14, float, consts); // (4, m), see late-reset.glsl
layout(push_constant) uniform Push {
    OFFSETS(15); uint n; uint steps; uint m;
    uint given; // bits: 1: v0, u0 and q0 hold the first state, else it is 0; 2: gv, gu and gq hold gradients
    float keep; float keep_u; float level; float scale; float gain; float alpha; float beta;
} p;
#include "late-reset.glsl"
layout(constant_id = 5) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 6) const uint BLOCK = 0;
layout(constant_id = 7) const uint SURROGATE = 1; // 0: d holds its values
layout(constant_id = 8) const uint HAS_GS = 1;
layout(constant_id = 9) const uint HAS_GTRACE = 0; // 1: of the potentials that the next step finds, 2: of h
layout(constant_id = 10) const uint SUMS = 0; // the gradients of the constants are wanted

void run(uint i, uint first, uint last)
{
    REAL g = REAL(0), a = REAL(0), c = REAL(0), none = REAL(0); // gradients of the states on the way back
    REAL of_keep = REAL(0), of_keep_u = REAL(0), of_level = REAL(0), of_scale = REAL(0);
    if (last < p.steps || (p.given & 2) != 0) {
        g = AT(gv, i);
        a = STATES > 1 ? AT(gu, i) : a;
        c = STATES > 2 ? AT(gq, i) : c;
    }
    uint place = BEGIN(sums) + i;
    if (SUMS == 1 && last < p.steps) {
        of_keep = sums[place];
        of_keep_u = sums[place + p.n];
        of_level = sums[place + 2 * p.n];
        of_scale = sums[place + 3 * p.n];
    }
    REAL given_keep = CONSTANT(0, p.keep, i), given_keep_u = CONSTANT(1, p.keep_u, i);
    REAL keep = unit(given_keep), keep_u = unit(given_keep_u);
    REAL level = CONSTANT(2, p.level, i), scale = CONSTANT(3, p.scale, i);
    uint at = (last - 1) * p.n + i;
    for (uint t = last; t-- > first; at -= p.n) {
        REAL h_now = AT(h, at), v = REAL(0);
        if (t > 0)
            v = LATE == 1 ? AT(h, at - p.n) : AT(held, at - p.n);
        else if ((p.given & 1) != 0)
            v = AT(v0, i);
        TEST late = FIRES(v, level);
        REAL z = h_now - level, fired = REAL(FIRES(h_now, level));
        REAL slope = SURROGATE == 0 ? AT(d, at) : surrogate(SURROGATE, z, p.alpha, p.beta);
        if (SURROGATE == 0) // whatever the host made of an infinite distance
            slope = mix(slope, none, EQUAL(z, REAL(uintBitsToFloat(0xFF800000u))));
        if (HAS_GTRACE == 1)
            g += AT(gtrace, at);
        REAL spike = HAS_GS == 1 ? AT(gs, at) : none;
        if (LATE == 0 && RESET != NEVER) { // the spike resets at once, which has a gradient
            REAL once = fired - REAL(late);
            if (RESET == SUBTRACT) {
                spike -= level * g;
                of_level -= once * g;
            } else {
                spike -= h_now * g;
                g *= REAL(1) - once;
            }
        }
        if (HAS_GTRACE == 2)
            g += AT(gtrace, at);
        REAL through = mix(spike * slope, none, EQUAL(slope, none)); // 0, not NaN, where h overflowed
        of_level -= through;
        g += through;
        if (RESET == BLANK || (RESET == ZERO && STATES == 3))
            g = mix(g, none, late);
        REAL own = g, back = keep * g;
        if (STATES < 3) {
            if (RESET == SUBTRACT)
                of_level -= mix(none, g, late);
            if (RESET == ZERO) {
                back = mix(back, none, late);
                v = mix(v, none, late);
            }
            of_keep += g * v;
            if (STATES == 2) {
                a += g;
                own = a;
                if (SUMS == 1)
                    of_keep_u += a * (t > 0 ? AT(us, at - p.n) : (p.given & 1) != 0 ? AT(u0, i) : none);
                a *= keep_u;
            }
            g = back;
        } else {
            REAL of_q = RESET == SUBTRACT ? mix(none, g, late) : none;
            if (RESET == SUBTRACT)
                of_level -= mix(none, a, late);
            else if (RESET != NEVER)
                a = mix(a, none, late);
            if (RESET != NEVER)
                c = mix(c, none, late);
            if (SUMS == 1) {
                uint past = BEGIN(us) + (t - 1) * 2 * p.n + i;
                REAL u = none, q = none;
                if (t > 0) {
                    u = us[past];
                    q = us[past + p.n];
                } else if ((p.given & 1) != 0) {
                    u = AT(u0, i);
                    q = AT(q0, i);
                }
                REAL sum = RESET == SUBTRACT ? mix(h_now, h_now - q, late) : h_now;
                of_scale += g * (sum / scale);
                of_keep_u += (a + scale * g) * u;
                of_keep += (c + scale * g) * q;
            }
            a += scale * g;
            c += scale * g;
            own = a - c;
            a *= keep_u;
            c = keep * c + of_q;
            g = none; // the potential is made anew in each step
        }
        AT(gx, at) = p.gain * own;
    }
    AT(gv, i) = g;
    if (STATES > 1)
        AT(gu, i) = a;
    if (STATES > 2)
        AT(gq, i) = c;
    if (SUMS == 1) {
        bool done = first == 0; // a share beyond [0, 1] is held at its end
        sums[place] = done ? mix(none, of_keep, EQUAL(given_keep, keep)) : of_keep;
        sums[place + p.n] = done ? mix(none, of_keep_u, EQUAL(given_keep_u, keep_u)) : of_keep_u;
        sums[place + 2 * p.n] = of_level;
        sums[place + 3 * p.n] = of_scale;
    }
}
#include "blocks.glsl"
