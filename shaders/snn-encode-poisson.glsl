#version 450
// variants: vec4
// Bernoulli spikes: element i fires at step t with probability clip(x, 0, 1).  One Philox call gives an element
// its numbers of four steps: counter = (i, t / 4, draw), word t % 4.
#include "common.glsl"
#include "vector.glsl"
#include "philox.glsl"
#include "control.glsl"
#include "strict.glsl"

layout(constant_id = 1) const uint VARYING = 0; // 1: probabilities of their own at each step
layout(constant_id = 2) const uint STRICT = 0; // 1: NaN where x is no probability

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (n), or (T, n)
layout(std430, binding = 1) readonly buffer Control { uint control[]; };
layout(std430, binding = 2) writeonly buffer S { REAL s[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint control_at; uint s_at;
    uint n; uint start; uint steps; uint draw;
} p;

void main()
{
    uvec2 key = CONTROL_KEY(control, p.control_at);
    uvec2 base = draw_number(CONTROL_BASE(control, p.control_at), p.draw);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL level = REAL(0.0);
        if (VARYING == 0)
            level = x[p.x_at + i];
        for (uint t = 0; t < p.steps; t += 4) { // start is a multiple of 4
            vec4 dice[VEC];
            for (uint k = 0; k < VEC; k++)
                dice[k] = philox_uniform(uvec4(VEC * i + k, (p.start + t) / 4, base), key);
            for (uint j = 0; j < 4 && t + j < p.steps; j++) {
#if VEC == 4
                vec4 u = vec4(dice[0][j], dice[1][j], dice[2][j], dice[3][j]);
#else
                float u = dice[0][j];
#endif
                if (VARYING == 1)
                    level = x[p.x_at + (t + j) * p.n + i];
                // u lies in [0, 1): no clipping needed, and NaN never fires.
                REAL spike = REAL(ABOVE(level, u));
                s[p.s_at + (t + j) * p.n + i] = STRICT == 1 ? strict(spike, level, 1.0) : spike;
            }
        }
    }
}
