#version 450
// variants: vec4
// Gradients times a factor on the device, or kept within +-limit.  NaN stays NaN, and 0 stays 0.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint CLAMP = 0;

CHANGES(0, REAL, g);
READS(1, float, factor);
layout(push_constant) uniform Push { OFFSETS(2); uint n; float limit; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL v = AT(g, i), low = REAL(-p.limit), high = REAL(p.limit);
        if (CLAMP == 1)
            AT(g, i) = mix(mix(v, low, ABOVE(low, v)), high, ABOVE(v, high));
        else
            AT(g, i) = mix(v * AT(factor, 0), v, EQUAL(v, REAL(0.0)));
    }
}
