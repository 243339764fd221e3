#version 450
// variants: vec4
// Leaky integrate-and-fire over T steps, state in registers: charge, fire, reset, refractory hold.
// H = rest + (v - rest) * decay + gain * x;  s = [H >= threshold];  v = reset on a spike.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint REFRACTORY = 1; // 0: no refractory time
layout(constant_id = 2) const uint STORE_V = 0; // 1: keep the potential after each step
layout(constant_id = 3) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 4) const uint BLOCK = 0;

READS(0, REAL, x); // (T, n)
CHANGES(1, REAL, v); // (n)
CHANGES(2, COUNT, hold); // (n) refractory steps left
WRITES(3, REAL, s); // (T, n)
WRITES(4, REAL, trace); // (T, n)
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint steps; uint hold_steps;
    float decay; float gain; float rest; float threshold; float reset;
} p;

// Steps first..last of one element.
void run(uint i, uint first, uint last)
{
    REAL v_now = AT(v, i);
    COUNT held = REFRACTORY == 1 ? AT(hold, i) : COUNT(0);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        precise REAL h = REAL(p.rest) + (v_now - p.rest) * p.decay + p.gain * AT(x, at);
        TEST fired = AT_LEAST(h, REAL(p.threshold));
        if (REFRACTORY == 1) {
            TEST listening = EQUAL(held, COUNT(0));
            fired = BOTH(fired, listening);
            h = mix(REAL(p.reset), h, listening);
            held = mix(held - COUNT(NONE(listening)), COUNT(p.hold_steps), fired);
        }
        v_now = mix(h, REAL(p.reset), fired);
        AT(s, at) = REAL(fired);
        if (STORE_V == 1)
            AT(trace, at) = v_now;
    }
    AT(v, i) = v_now;
    if (REFRACTORY == 1)
        AT(hold, i) = held;
}
#include "blocks.glsl"
