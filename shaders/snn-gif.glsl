#version 450
// variants: vec4
// Generalised (adaptive) integrate-and-fire over T steps: snn-lif with an adaptation current w.
// H = rest + (v - rest) * decay + gain * x - pull * w;  w = w * adapt_decay + jump * s.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint REFRACTORY = 1; // 0: no refractory time
layout(constant_id = 2) const uint STORE_V = 0; // 1: keep the potential after each step
layout(constant_id = 3) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 4) const uint BLOCK = 0;

READS(0, REAL, x); // (T, n)
CHANGES(1, REAL, v); // (n)
CHANGES(2, COUNT, hold); // (n) refractory steps left
CHANGES(3, REAL, w); // (n) adaptation current
WRITES(4, REAL, s); // (T, n)
WRITES(5, REAL, trace); // (T, n)
layout(push_constant) uniform Push {
    OFFSETS(6); uint n; uint steps; uint hold_steps;
    float decay; float gain; float rest; float threshold; float reset;
    float pull; float adapt_decay; float jump;
} p;

// Steps first..last of one element.
void run(uint i, uint first, uint last)
{
    REAL v_now = AT(v, i);
    REAL w_now = AT(w, i);
    COUNT held = REFRACTORY == 1 ? AT(hold, i) : COUNT(0);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        precise REAL h = REAL(p.rest) + (v_now - p.rest) * p.decay + (p.gain * AT(x, at) - p.pull * w_now);
        TEST fired = AT_LEAST(h, REAL(p.threshold));
        if (REFRACTORY == 1) {
            TEST listening = EQUAL(held, COUNT(0));
            fired = BOTH(fired, listening);
            h = mix(REAL(p.reset), h, listening);
            held = mix(held - COUNT(NONE(listening)), COUNT(p.hold_steps), fired);
        }
        precise REAL w_next = w_now * p.adapt_decay + p.jump * REAL(fired);
        w_now = w_next;
        v_now = mix(h, REAL(p.reset), fired);
        AT(s, at) = REAL(fired);
        if (STORE_V == 1)
            AT(trace, at) = v_now;
    }
    AT(v, i) = v_now;
    AT(w, i) = w_now;
    if (REFRACTORY == 1)
        AT(hold, i) = held;
}
#include "blocks.glsl"
