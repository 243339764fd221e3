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

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) buffer V { REAL v[]; }; // (n)
layout(std430, binding = 2) buffer Hold { COUNT hold[]; }; // (n) refractory steps left
layout(std430, binding = 3) buffer W { REAL w[]; }; // (n) adaptation current
layout(std430, binding = 4) writeonly buffer S { REAL s[]; }; // (T, n)
layout(std430, binding = 5) writeonly buffer Trace { REAL trace[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint v_at; uint hold_at; uint w_at; uint s_at; uint trace_at;
    uint n; uint steps; uint hold_steps;
    float decay; float gain; float rest; float threshold; float reset;
    float pull; float adapt_decay; float jump;
} p;

// Steps first..last of one element.
void run(uint i, uint first, uint last)
{
    REAL v_now = v[p.v_at + i];
    REAL w_now = w[p.w_at + i];
    COUNT held = REFRACTORY == 1 ? hold[p.hold_at + i] : COUNT(0);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        precise REAL h = REAL(p.rest) + (v_now - p.rest) * p.decay + (p.gain * x[p.x_at + at] - p.pull * w_now);
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
        s[p.s_at + at] = REAL(fired);
        if (STORE_V == 1)
            trace[p.trace_at + at] = v_now;
    }
    v[p.v_at + i] = v_now;
    w[p.w_at + i] = w_now;
    if (REFRACTORY == 1)
        hold[p.hold_at + i] = held;
}
#include "blocks.glsl"
