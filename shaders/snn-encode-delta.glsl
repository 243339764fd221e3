#version 450
// variants: vec4
// Spikes where a signal has risen by at least `threshold` since the step before; with OFF also -1 where it has fallen.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint OFF = 0;
layout(constant_id = 2) const uint PADDING = 0; // 1: the first step is compared with itself, 0: with zero

READS(0, REAL, x); // (T, n)
WRITES(1, REAL, s); // (T, n)
layout(push_constant) uniform Push { OFFSETS(2); uint n; uint all; float threshold; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.all; i += stride()) {
        REAL now = AT(x, i), before = PADDING == 1 ? now : REAL(0.0);
        if (i >= p.n)
            before = AT(x, i - p.n);
        precise REAL change = now - before;
        REAL spike = REAL(AT_LEAST(change, REAL(p.threshold)));
        if (OFF == 1)
            spike -= REAL(AT_LEAST(-change, REAL(p.threshold)));
        AT(s, i) = spike;
    }
}
