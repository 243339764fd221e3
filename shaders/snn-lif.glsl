#version 450
// variants: vec4
// Leaky integrate-and-fire over T steps, state in registers: charge, fire, reset, refractory hold.
// H = rest + (v - rest) * decay + gain * x;  s = [H >= threshold];  v = reset on a spike.  With ADAPT, the drive gain * x
// is weakened by pull * w, and w = w * adapt_decay + jump * s.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint REFRACTORY = 1; // 0: no refractory time
layout(constant_id = 2) const uint STORE_V = 0; // 1: keep the potential after each step
layout(constant_id = 3) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 4) const uint BLOCK = 0;
layout(constant_id = 5) const uint ADAPT = 0;

READS(0, REAL, x); // (T, n)
CHANGES(1, REAL, v); // (n)
CHANGES(2, COUNT, hold); // (n) refractory steps left
WRITES(3, REAL, s); // (T, n)
WRITES(4, REAL, trace); // (T, n)
CHANGES(5, REAL, w); // (n) adaptation current
layout(push_constant) uniform Push {
    OFFSETS(6); uint n; uint steps; uint hold_steps;
    float decay; float gain; float rest; float threshold; float reset;
    float pull; float adapt_decay; float jump;
} p;
#include "membrane.glsl"

// Steps first..last of one element.
void run(uint i, uint first, uint last)
{
    REAL v_now = AT(v, i), w_now = ADAPT == 1 ? AT(w, i) : REAL(0);
    COUNT held = REFRACTORY == 1 ? AT(hold, i) : COUNT(0);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        precise REAL drive = p.gain * AT(x, at);
        if (ADAPT == 1)
            drive = drive - p.pull * w_now;
        TEST fired = fire(v_now, held, drive, REFRACTORY == 1);
        if (ADAPT == 1) {
            precise REAL w_next = w_now * p.adapt_decay + p.jump * REAL(fired);
            w_now = w_next;
        }
        AT(s, at) = REAL(fired);
        if (STORE_V == 1)
            AT(trace, at) = v_now;
    }
    AT(v, i) = v_now;
    if (REFRACTORY == 1)
        AT(hold, i) = held;
    if (ADAPT == 1)
        AT(w, i) = w_now;
}
#include "blocks.glsl"
