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

READS(0, REAL, x); // (n), or (T, n)
READS(1, uint, control);
WRITES(2, REAL, s); // (T, n)
layout(push_constant) uniform Push {
    OFFSETS(3); uint n; uint start; uint steps; uint draw;
} p;

void main()
{
    uvec2 key = CONTROL_KEY;
    uvec2 base = draw_number(CONTROL_BASE, p.draw);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL level = REAL(0.0);
        if (VARYING == 0)
            level = AT(x, i);
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
                    level = AT(x, (t + j) * p.n + i);
                // u lies in [0, 1): no clipping needed, and NaN never fires.
                REAL spike = REAL(ABOVE(level, u));
                AT(s, (t + j) * p.n + i) = STRICT == 1 ? strict(spike, level, 1.0) : spike;
            }
        }
    }
}
