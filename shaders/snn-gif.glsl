#version 450
// variants: vec4
// Generalised (adaptive) integrate-and-fire over T steps: snn-lif with an adaptation current w.
// H = rest + (v - rest) * decay + gain * x - pull * w;  w = w * adapt_decay + jump * s.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint REFRACTORY = 1; // 0: no refractory time
layout(constant_id = 2) const uint STORE_V = 0; // 1: keep the potential after each step
layout(constant_id = 3) const uint EACH = 1; // neighbours in one invocation; divides n

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

void main()
{
    for (uint i = gl_GlobalInvocationID.x * EACH; i < p.n; i += stride() * EACH) {
        REAL v_now[EACH];
        REAL w_now[EACH];
        COUNT held[EACH];
        for (uint k = 0; k < EACH; k++) {
            v_now[k] = v[p.v_at + i + k];
            w_now[k] = w[p.w_at + i + k];
            held[k] = REFRACTORY == 1 ? hold[p.hold_at + i + k] : COUNT(0);
        }
        for (uint t = 0; t < p.steps; t++) {
            for (uint k = 0; k < EACH; k++) {
                uint at = t * p.n + i + k;
                precise REAL h = REAL(p.rest) + (v_now[k] - p.rest) * p.decay
                                 + (p.gain * x[p.x_at + at] - p.pull * w_now[k]);
                TEST fired = AT_LEAST(h, REAL(p.threshold));
                if (REFRACTORY == 1) {
                    TEST listening = EQUAL(held[k], COUNT(0));
                    fired = BOTH(fired, listening);
                    h = mix(REAL(p.reset), h, listening);
                    held[k] = mix(held[k] - COUNT(NONE(listening)), COUNT(p.hold_steps), fired);
                }
                precise REAL w_next = w_now[k] * p.adapt_decay + p.jump * REAL(fired);
                w_now[k] = w_next;
                v_now[k] = mix(h, REAL(p.reset), fired);
                s[p.s_at + at] = REAL(fired);
                if (STORE_V == 1)
                    trace[p.trace_at + at] = v_now[k];
            }
        }
        for (uint k = 0; k < EACH; k++) {
            v[p.v_at + i + k] = v_now[k];
            w[p.w_at + i + k] = w_now[k];
            if (REFRACTORY == 1)
                hold[p.hold_at + i + k] = held[k];
        }
    }
}
