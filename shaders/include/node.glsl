// Neuron models of the spiking nodes: how the potential v takes up the input, and its derivatives.
// The including shader declares p.k (1 / tau), p.rest and the model's numbers p.c0 .. p.c5.
#include "math.glsl"

layout(constant_id = 1) const uint MODEL = 0;
layout(constant_id = 2) const uint DECAY_INPUT = 1; // the leak divides the input too
layout(constant_id = 3) const uint HARD = 1; // reset to p.reset; 0: subtract the threshold; else see LATE
layout(constant_id = 4) const uint LEARN = 0; // 1: k = sigmoid(w), 2: w scales the potential, 3: w is c0
const uint IF = 0, LIF = 1, QIF = 2, EIF = 3, IZHIKEVICH = 4, CUBA = 5, ADAPTIVE = 6, KLIF = 7, IZHIKEVICH_2003 = 8;
const uint DECAY = 9;
const bool LATE = HARD > 1; // the reset comes with the next step: 2: subtract, 3: to 0, 4: that step ends at 0, 5: never
const bool JUMPS = MODEL == IZHIKEVICH || MODEL == IZHIKEVICH_2003; // a spike adds p.c5 to the second state
const bool TWO_STATES = JUMPS || MODEL == CUBA || MODEL == ADAPTIVE;

// Settings that may differ from neuron to neuron; the including shader may define them before.
#ifndef REST
#define SHARE float
#define REST REAL(p.rest)
#define THRESHOLD REAL(p.threshold)
#define RESET REAL(p.reset)
#endif

REAL leak(REAL x, REAL v, SHARE k)
{
    return DECAY_INPUT == 1 ? v + (x - (v - REST)) * k : v - (v - REST) * k + x;
}

// The potential before the spike; u, the second state, moves on to where the spike finds it.
REAL charge(REAL x, REAL v, inout REAL u, SHARE k, float w)
{
    precise REAL h = v + x;
    if (MODEL == LIF || MODEL == ADAPTIVE)
        h = leak(x, v, k);
    if (MODEL == KLIF)
        h = at_least(w * leak(x, v, k), REAL(0));
    if (MODEL == DECAY)
        h = (LEARN == 3 ? within(w, 0.0, 1.0) : p.c0) * v + x;
    if (MODEL == QIF)
        h = v + (x + p.c0 * (v - REAL(p.c1)) * (v - REAL(p.c2))) * k;
    if (MODEL == EIF)
        h = v + (x - (v - REAL(p.c1)) + p.c0 * exponential((v - REAL(p.c2)) * same_quotient(1.0, p.c0))) * k;
    if (MODEL == IZHIKEVICH) {
        h = v + (x + p.c0 * (v - REAL(p.c1)) * (v - REAL(p.c2)) - u) * k;
        u = u + (p.c3 * (h - REAL(p.c1)) - u) * p.c4;
    }
    if (MODEL == IZHIKEVICH_2003) { // the recovery follows the potential before
        h = v + (p.c0 * (v * v) + p.c1 * v + REAL(p.c2) - u + x) * k;
        u = u + p.c3 * (p.c4 * v - u);
    }
    if (MODEL == CUBA) {
        u = p.c0 * u + x;
        h = leak(u, v, k);
    }
    return h;
}

// The threshold in force.
REAL level(REAL u) { return MODEL == ADAPTIVE ? THRESHOLD + p.c0 * u : THRESHOLD; }

// The potential after the spike s.
REAL reset(REAL h, REAL s, REAL threshold)
{
    if (LATE)
        return h;
    return mix(h, HARD == 1 ? RESET : h - threshold, AT_LEAST(s, REAL(0.5))); // the threshold may be infinite
}

// The second state after the spike.
REAL adapt(REAL u, REAL s)
{
    if (JUMPS)
        u += p.c5 * s;
    if (MODEL == ADAPTIVE)
        u = p.c1 * u + (1.0 - p.c1) * s;
    return u;
}

#ifdef REVERSE
// Derivatives of `charge`: from g of the potential after it and a of the second state to those before it; the gradient
// of the input is returned, that of w added to `sum`.  v is the potential before, h the one after.
REAL discharge(REAL h, REAL v, inout REAL g, inout REAL a, inout REAL sum, SHARE k, float w)
{
    SHARE gain = DECAY_INPUT == 1 ? k : SHARE(1.0);
    if (LEARN == 1) // dh/dk by way of h itself, so that the input need not be kept
        sum += g * (DECAY_INPUT == 1 ? (h - v) * (1.0 - k) : (REST - v) * (k * (1.0 - k)));
    if (MODEL == LIF || MODEL == ADAPTIVE) {
        REAL x = g * gain;
        g *= 1.0 - k;
        return x;
    }
    if (MODEL == DECAY) {
        REAL x = g;
        if (LEARN == 3 && w >= 0.0 && w <= 1.0)
            sum += g * v;
        g *= LEARN == 3 ? within(w, 0.0, 1.0) : p.c0;
        return x;
    }
    if (MODEL == KLIF) {
        g *= REAL(ABOVE(h, REAL(0)));
        sum += w == 0.0 ? REAL(0) : g * h / w;
        g *= w;
        REAL x = g * gain;
        g *= 1.0 - k;
        return x;
    }
    if (MODEL == CUBA) {
        a += g * gain;
        g *= 1.0 - k;
        REAL x = a;
        a *= p.c0;
        return x;
    }
    if (MODEL == IZHIKEVICH) {
        g += a * (p.c3 * p.c4);
        a = a * (1.0 - p.c4) - g * k;
    }
    if (MODEL == IZHIKEVICH_2003) {
        REAL x = g * k;
        g += x * (2.0 * p.c0 * v + REAL(p.c1)) + a * (p.c3 * p.c4);
        a = a * (1.0 - p.c3) - x;
        return x;
    }
    REAL x = MODEL == IF ? g : g * k;
    if (MODEL == QIF || MODEL == IZHIKEVICH)
        g *= REAL(1) + (p.c0 * k) * (2.0 * v - REAL(p.c1 + p.c2));
    if (MODEL == EIF)
        g *= REAL(1) + k * (quick_exponential((v - REAL(p.c2)) / p.c0) - REAL(1));
    return x;
}
#endif
