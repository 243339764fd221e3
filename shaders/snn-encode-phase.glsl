#version 450
// variants: vec4
// The binary digits of x after the point as spikes, the highest first, again in each period.
#include "common.glsl"
#include "vector.glsl"
#include "strict.glsl"

layout(constant_id = 1) const uint STRICT = 0; // 1: NaN where x is not in [0, 1]

READS(0, REAL, x); // (n)
WRITES(1, REAL, s); // (T, n)
layout(push_constant) uniform Push { OFFSETS(2); uint n; uint start; uint steps; uint period; } p;

void main()
{
    uint most = (1u << p.period) - 1;
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL level = AT(x, i);
        REAL inside = mix(REAL(0.0), min(level, REAL(1.0)), ABOVE(level, REAL(0.0))); // NaN: 0
        COUNT digits = min(COUNT(inside * float(1u << p.period)), COUNT(most));
        for (uint t = 0; t < p.steps; t++) {
            uint place = p.period - 1 - (p.start + t) % p.period;
            REAL spike = REAL((digits >> place) & 1u);
            AT(s, t * p.n + i) = STRICT == 1 ? strict(spike, level, 1.0) : spike;
        }
    }
}
