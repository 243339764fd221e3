#version 450
// variants: vec4
// Spikes of each element over T steps, and the mean rate.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint RATE = 0; // 1: also the rate

READS(0, REAL, s); // (T, n)
CHANGES(1, REAL, total); // (n)
WRITES(2, REAL, rate); // (n)
layout(push_constant) uniform Push {
    OFFSETS(3); uint n; uint start; uint steps; float all_steps;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL count = p.start == 0 ? REAL(0.0) : AT(total, i);
        for (uint t = 0; t < p.steps; t++)
            count += REAL(ABOVE(AT(s, t * p.n + i), REAL(0.0)));
        AT(total, i) = count;
        if (RATE == 1)
            AT(rate, i) = count / p.all_steps;
    }
}
