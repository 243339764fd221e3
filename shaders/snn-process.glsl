#version 450
// variants: vec4
// SNNCompute's one dispatch: embedding -> drive -> encode -> LIF over T steps -> spikes, counts, first spikes.
// drive = gain * scale[b] * x + bias, with x = 0 where the embedding is shorter than the layer is wide.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"
#include "philox.glsl"

layout(constant_id = 1) const uint ENCODING = 0; // 0: current, 1: Poisson pulses, 2: one pulse, earlier if stronger

layout(std430, binding = 0) readonly buffer X { float x[]; }; // (B, width)
layout(std430, binding = 1) readonly buffer Head { uint head[]; }; // random key and base, then scale (B) as bits
layout(std430, binding = 2) writeonly buffer S { REAL s[]; }; // (B, T, n)
layout(std430, binding = 3) writeonly buffer Total { REAL total[]; }; // (B, n) spikes
layout(std430, binding = 4) writeonly buffer First { COUNT first[]; }; // (B, n) step of the first spike, or -1
layout(push_constant) uniform Push {
    uint x_at; uint head_at; uint s_at; uint total_at; uint first_at;
    uint n; uint batch; uint width; uint steps; uint hold_steps;
    float gain; float bias; float pulse; float kick;
    float decay; float charge; float rest; float threshold; float reset;
} p;

const uint KEY = 1, BASE = 3, SCALE = 8; // words of head

REAL embedding(uint b, uint i, float scale)
{
    REAL value = REAL(0.0);
    for (uint k = 0; k < VEC; k++)
        if (VEC * i + k < p.width) {
#if VEC == 4
            value[k] = x[p.x_at + b * p.width + VEC * i + k] * scale;
#else
            value = x[p.x_at + b * p.width + i] * scale;
#endif
        }
    return value;
}

void main()
{
    uvec2 key = uvec2(head[p.head_at + KEY], head[p.head_at + KEY + 1]);
    uvec2 base = uvec2(head[p.head_at + BASE], head[p.head_at + BASE + 1]);
    for (uint item = gl_GlobalInvocationID.x; item < p.n * p.batch; item += stride()) {
        uint b = item / p.n, i = item % p.n;
        float scale = uintBitsToFloat(head[p.head_at + SCALE + b]);
        // A zero embedding (scale 0) is no input at all: it gets no bias either.
        REAL drive = scale == 0.0 ? REAL(0.0) : p.gain * embedding(b, i, scale) + p.bias;
        REAL level = clamp(same_quotient(drive, REAL(p.pulse)), REAL(0.0), REAL(1.0));
        REAL late = REAL(1.0) - level;
        COUNT due = min(COUNT(roundEven(late * float(p.steps - 1))), COUNT(p.steps - 1)); // one step, beyond 2^24 too

        REAL v = REAL(p.rest), sum = REAL(0.0);
        COUNT held = COUNT(0), when = COUNT(0xFFFFFFFFu);
        for (uint t = 0; t < p.steps; t++) {
            REAL current = drive;
            if (ENCODING == 1) {
#if VEC == 4
                vec4 dice = philox_uniform(uvec4(item, t, base), key);
#else
                float dice = philox_uniform(uvec4(item, t, base), key).x;
#endif
                current = p.pulse * REAL(ABOVE(level, dice));
            } else if (ENCODING == 2) {
                current = p.kick * REAL(BOTH(EQUAL(due, COUNT(t)), ABOVE(level, REAL(0.0))));
            }
            precise REAL h = REAL(p.rest) + (v - p.rest) * p.decay + p.charge * current;
            TEST listening = EQUAL(held, COUNT(0));
            TEST fired = BOTH(AT_LEAST(h, REAL(p.threshold)), listening);
            v = mix(mix(REAL(p.reset), h, listening), REAL(p.reset), fired);
            held = mix(held - COUNT(NONE(listening)), COUNT(p.hold_steps), fired);
            when = mix(when, COUNT(t), BOTH(fired, EQUAL(when, COUNT(0xFFFFFFFFu))));
            sum += REAL(fired);
            s[p.s_at + (b * p.steps + t) * p.n + i] = REAL(fired);
        }
        total[p.total_at + item] = sum;
        first[p.first_at + item] = when;
    }
}
