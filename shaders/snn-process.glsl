#version 450
// variants: vec4
// SNNCompute's one dispatch: embedding -> drive -> encode -> LIF over T steps -> spikes, counts, first spikes.
// drive = gain * scale[b] * x + bias, with x = 0 where the embedding is shorter than the layer is wide.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"
#include "philox.glsl"

layout(constant_id = 1) const uint ENCODING = 0; // 0: current, 1: Poisson pulses, 2: one pulse, earlier if stronger

READS(0, float, x); // (B, width)
READS(1, uint, head); // random key and base, then scale (B) as bits
WRITES(2, REAL, s); // (B, T, n)
WRITES(3, REAL, total); // (B, n) spikes
WRITES(4, COUNT, first); // (B, n) step of the first spike, or -1
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint batch; uint width; uint steps; uint hold_steps;
    float gain; float bias; float pulse; float kick;
    float decay; float charge; float rest; float threshold; float reset;
} p;
#include "membrane.glsl"

const uint KEY = 1, BASE = 3, SCALE = 8; // words of head

REAL embedding(uint b, uint i, float scale)
{
    REAL value = REAL(0.0);
    for (uint k = 0; k < VEC; k++)
        if (VEC * i + k < p.width) {
#if VEC == 4
            value[k] = AT(x, b * p.width + VEC * i + k) * scale;
#else
            value = AT(x, b * p.width + i) * scale;
#endif
        }
    return value;
}

void main()
{
    uvec2 key = uvec2(AT(head, KEY), AT(head, KEY + 1));
    uvec2 base = uvec2(AT(head, BASE), AT(head, BASE + 1));
    for (uint item = gl_GlobalInvocationID.x; item < p.n * p.batch; item += stride()) {
        uint b = item / p.n, i = item % p.n;
        float scale = uintBitsToFloat(AT(head, SCALE + b));
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
            precise REAL charge = p.charge * current;
            TEST fired = fire(v, held, charge, true);
            when = mix(when, COUNT(t), BOTH(fired, EQUAL(when, COUNT(0xFFFFFFFFu))));
            sum += REAL(fired);
            AT(s, (b * p.steps + t) * p.n + i) = REAL(fired);
        }
        AT(total, item) = sum;
        AT(first, item) = when;
    }
}
