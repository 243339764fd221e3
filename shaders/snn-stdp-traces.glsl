#version 450
// Spike traces over T steps, and the steps at which anything happens, packed 32 to a word.
// Each step: y = x * decay; then x = y + s (all-to-all), or s where there is a spike and y elsewhere (nearest).
#include "common.glsl"

layout(constant_id = 1) const uint NEAREST = 0; // 1: a spike replaces the trace
layout(constant_id = 2) const uint AFTER = 0; // 1: store x; 0: store y and the events

READS(0, float, s); // (T, n)
CHANGES(1, float, state); // (n)
WRITES(2, float, trace); // (T, n)
WRITES(3, uint, events); // (ceil(T / 32), n)
layout(push_constant) uniform Push {
    OFFSETS(4); uint n; uint steps;
    float decay;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        float x = AT(state, i);
        uint word = 0;
        for (uint t = 0; t < p.steps; t++) {
            float spike = AT(s, t * p.n + i);
            precise float y = x * p.decay;
            bool some = (floatBitsToUint(spike) << 1) != 0; // NaN is an event too
            precise float sum = y + spike;
            x = NEAREST == 1 ? (some ? spike : y) : sum;
            AT(trace, t * p.n + i) = AFTER == 1 ? x : y;
            if (AFTER == 0) {
                // A trace that is not finite acts at every step: 0 * inf.
                bool wild = (floatBitsToUint(y) & 0x7f800000u) == 0x7f800000u;
                word |= uint(some || wild) << (t & 31);
                if ((t & 31) == 31 || t + 1 == p.steps) {
                    AT(events, (t >> 5) * p.n + i) = word;
                    word = 0;
                }
            }
        }
        AT(state, i) = x;
    }
}
