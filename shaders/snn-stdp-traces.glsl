#version 450
// Spike traces over T steps, and the steps at which anything happens, packed 32 to a word.
// Each step: y = x * decay; then x = y + s (all-to-all), or s where there is a spike and y elsewhere (nearest).
#include "common.glsl"

layout(constant_id = 1) const uint NEAREST = 0; // 1: a spike replaces the trace
layout(constant_id = 2) const uint AFTER = 0; // 1: store x; 0: store y and the events

layout(std430, binding = 0) readonly buffer S { float s[]; }; // (T, n)
layout(std430, binding = 1) buffer State { float state[]; }; // (n)
layout(std430, binding = 2) writeonly buffer Trace { float trace[]; }; // (T, n)
layout(std430, binding = 3) writeonly buffer Events { uint events[]; }; // (ceil(T / 32), n)
layout(push_constant) uniform Push {
    uint s_at; uint state_at; uint trace_at; uint events_at;
    uint n; uint steps;
    float decay;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        float x = state[p.state_at + i];
        uint word = 0;
        for (uint t = 0; t < p.steps; t++) {
            float spike = s[p.s_at + t * p.n + i];
            precise float y = x * p.decay;
            bool some = (floatBitsToUint(spike) << 1) != 0; // NaN is an event too
            precise float sum = y + spike;
            x = NEAREST == 1 ? (some ? spike : y) : sum;
            trace[p.trace_at + t * p.n + i] = AFTER == 1 ? x : y;
            if (AFTER == 0) {
                // A trace that is not finite acts at every step: 0 * inf.
                bool wild = (floatBitsToUint(y) & 0x7f800000u) == 0x7f800000u;
                word |= uint(some || wild) << (t & 31);
                if ((t & 31) == 31 || t + 1 == p.steps) {
                    events[p.events_at + (t >> 5) * p.n + i] = word;
                    word = 0;
                }
            }
        }
        state[p.state_at + i] = x;
    }
}
