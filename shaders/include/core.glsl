// Recurrent cores with functional state: one step of the potential v and the second state u, and its derivatives.
// The spike comes from the potential before the step.  The including shader declares p.threshold, the arrays b (beta)
// and c (gamma or alpha) and p.n, p.units, p.last, in REALs.
#include "nan.glsl"
layout(constant_id = 1) const uint MODEL = 0;
layout(constant_id = 2) const uint EACH_B = 0; // one beta a unit; 0: one for all
layout(constant_id = 3) const uint EACH_C = 0;
const uint IF = 0, LIF = 1, LI = 2, ALIF = 3, CUBA = 4;
const bool TWO_STATES = MODEL == ALIF || MODEL == CUBA;

// A constant in [0, 1]; NaN stays.
float unit(float value) { return is_nan(value) ? value : clamp(value, 0.0, 1.0); }
// 1 where a gradient passes: inside [0, 1] or at its ends.
float inside(float value) { return value >= 0.0 && value <= 1.0 ? 1.0 : 0.0; }

#if VEC == 4
#define CONSTANTS(f, array, each, i) (each == 0 ? REAL(f(AT(array, 0))) : vec4( \
    f(AT(array, 4 * (i))), f(AT(array, 4 * (i) + 1)), f(AT(array, 4 * (i) + 2)), f(AT(array, 4 * (i) + 3))))
#else
#define CONSTANTS(f, array, each, i) f(AT(array, each == 0 ? 0 : (i)))
#endif
#define BETA(f, i) (MODEL == IF ? REAL(1) : CONSTANTS(f, b, EACH_B, (i) % p.units))
#define SECOND(f, i) (TWO_STATES ? CONSTANTS(f, c, EACH_C, (i) % p.units) : REAL(0))

// Where element i's first state lies: rows of p.last values of v, each followed by as many of u if there are two.
uint place(uint i) { return TWO_STATES ? i + i / p.last * p.last : i; }

// How far the potential is above the threshold in force.
REAL above(REAL v, REAL u) { return v - (MODEL == ALIF ? REAL(p.threshold) + u : REAL(p.threshold)); }

// One step; `s` is what fired (0 or 1), x the input.  The output is returned.
REAL advance(REAL x, REAL s, inout REAL v, inout REAL u, REAL beta, REAL second)
{
    REAL threshold = MODEL == ALIF ? REAL(p.threshold) + u : REAL(p.threshold);
    precise REAL next = v, other = u;
    if (MODEL == IF)
        next = v + x - s * threshold;
    if (MODEL == LIF || MODEL == ALIF)
        next = beta * v + x - s * threshold;
    if (MODEL == LI)
        next = beta * v + x;
    if (MODEL == ALIF)
        other = second * u + (1.0 - second) * s;
    if (MODEL == CUBA) {
        other = second * u + x;
        next = beta * (v - s * threshold) + other;
    }
    v = next;
    u = other;
    return MODEL == LI ? v : s;
}

#ifdef REVERSE
// Back through one step: from the gradients g of v and a of u after it, and gy of the output, to those before it.
// First the input's gradient; then, when it is known what else the spike did (`spike`), the rest.
REAL of_input(REAL g, REAL a, REAL gy) { return MODEL == CUBA ? g + a : MODEL == LI ? g + gy : g; }

void retreat(REAL v, REAL u, REAL slope, REAL gy, REAL spike, inout REAL g, inout REAL a, inout REAL sum_b,
             inout REAL sum_c, REAL beta, REAL second)
{
    REAL threshold = MODEL == ALIF ? REAL(p.threshold) + u : REAL(p.threshold);
    REAL s = REAL(ABOVE(above(v, u), REAL(0)));
    if (MODEL == LI) {
        g += gy;
        sum_b += g * v;
        g *= beta;
        return;
    }
    if (MODEL == CUBA) {
        a += g;
        sum_c += a * u;
        sum_b += g * (v - s * threshold);
        g *= beta;
        a *= second;
    }
    spike += gy - g * threshold;
    if (MODEL == ALIF)
        spike += (1.0 - second) * a;
    REAL through = mix(spike * slope, REAL(0), EQUAL(slope, REAL(0))); // 0, not NaN, where v overflowed
    if (MODEL == LIF || MODEL == ALIF)
        sum_b += g * v;
    if (MODEL == ALIF) {
        sum_c += a * (u - s);
        a = second * a - s * g - through;
    }
    g = (MODEL == LIF || MODEL == ALIF ? beta * g : g) + through;
}
#endif
