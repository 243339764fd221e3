#version 450
// Random numbers: element i takes its words from Philox at the counter (i / 4, 0, draw), or for Poisson, which
// needs a varying number of them, (i, 0.., draw).
#include "common.glsl"
#include "philox.glsl"
#include "control.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint UNIFORM = 0, NORMAL = 1, BERNOULLI = 2, POISSON = 3;

READS(0, float, x); // probabilities or rates
READS(1, uint, control);
WRITES(2, float, y);
layout(push_constant) uniform Push { OFFSETS(3); uint n; uint draw; } p;

#include "poisson.glsl"

void main()
{
    uvec2 key = CONTROL_KEY;
    uvec2 base = draw_number(CONTROL_BASE, p.draw);
    for (uint i = gl_GlobalInvocationID.x; i < (p.n + 3) / 4; i += stride()) {
        vec4 v;
        if (KIND == POISSON) {
            for (uint j = 0; j < 4 && 4 * i + j < p.n; j++)
                v[j] = poisson(AT(x, 4 * i + j), uvec4(4 * i + j, 0, base), key);
        } else if (KIND == NORMAL) {
            // Box & Muller (1958), with 32 bits in the radius: tails reach 6.7 deviations.
            uvec4 words = philox(uvec4(i, 0, base), key);
            for (uint j = 0; j < 2; j++) {
                float u = (float(words[j]) + 0.5) * (1.0 / 4294967296.0);
                float radius = root(max(-2.0 * logarithm(u), 0.0));
                float angle = (float(words[j + 2] >> 8) * (1.0 / 8388608.0) - 1.0) * 3.14159265;
                int quadrant;
                float off = near_remainder(angle, quadrant);
                v[j] = radius * of_quadrant(off, quadrant + 1);
                v[j + 2] = radius * of_quadrant(off, quadrant);
            }
        } else {
            v = philox_uniform(uvec4(i, 0, base), key);
        }
        for (uint j = 0; j < 4 && 4 * i + j < p.n; j++) {
            uint at = 4 * i + j;
            AT(y, at) = KIND == BERNOULLI ? float(v[j] < AT(x, at)) : v[j];
        }
    }
}
