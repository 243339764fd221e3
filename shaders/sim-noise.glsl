#version 450
// Noise currents of grilly_vk.sim, a batch of steps: normal numbers that hold for some steps each.
#include "common.glsl"
#include "philox.glsl"
#include "math.glsl"

CHANGES(0, float, signal); // from `place` on (B, n): the current of each step and neuron
READS(1, uint, who); // (n) global numbers of the neurons
READS(2, float, level); // (noises, 2, n) mean and standard deviation
READS(3, uint, span); // (noises, 3, n) the step from which on there is some, the one behind the last, steps of a number
READS(4, uint, count); // (B + 2): at the last but one the step at which the batch begins
layout(push_constant) uniform Push {
    OFFSETS(5);
    uint n; uint steps; uint noises; uint place;
    uint key0; uint key1;
} p;
layout(constant_id = 1) const uint B = 1;

// Numbers 4 * j .. 4 * j + 3 of a neuron's noise q, by Box and Muller's method.
vec4 normals(uint neuron, uint j, uint q)
{
    precise vec4 u = vec4(philox(uvec4(neuron, j, q, 0x52u), uvec2(p.key0, p.key1)) >> 8) * (1.0 / 16777216.0);
    precise vec2 above = u.xz + 0.5 / 16777216.0, angle = 6.28318530718 * u.yw;
    precise float a = root(-2.0 * logarithm(above.x)), b = root(-2.0 * logarithm(above.y));
    precise vec4 x = vec4(a * cosine(angle.x), a * sine(angle.x), b * cosine(angle.y), b * sine(angle.y));
    return x;
}

void main()
{
    uint now = AT(count, B);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        for (uint q = 0; q < p.noises; q++) {
            float mean = AT(level, 2 * q * p.n + i), sd = AT(level, (2 * q + 1) * p.n + i);
            uint from = AT(span, 3 * q * p.n + i), until = AT(span, (3 * q + 1) * p.n + i), period = AT(span, (3 * q + 2) * p.n + i);
            precise float x = 0.0;
            vec4 four;
            for (uint k = 0; k < p.steps; k++) {
                uint t = now + k, to = p.place + k * p.n + i;
                bool on = t >= from && t < until;
                if (on && (k == 0 || (t - from) % period == 0)) {
                    uint j = (t - from) / period;
                    if (k == 0 || (j & 3u) == 0)
                        four = normals(AT(who, i), j >> 2, q);
                    x = mean + sd * four[j & 3u];
                }
                precise float sum = (q == 0 ? 0.0 : AT(signal, to)) + (on ? x : 0.0);
                AT(signal, to) = sum;
            }
        }
}
