#version 450
// variants: vec4
// Gradients times a factor on the device, or kept within +-limit.  NaN stays NaN, and 0 stays 0.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint CLAMP = 0;

layout(std430, binding = 0) buffer G { REAL g[]; };
layout(std430, binding = 1) readonly buffer Factor { float factor[]; };
layout(push_constant) uniform Push { uint g_at; uint factor_at; uint n; float limit; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL v = g[p.g_at + i], low = REAL(-p.limit), high = REAL(p.limit);
        if (CLAMP == 1)
            g[p.g_at + i] = mix(mix(v, low, ABOVE(low, v)), high, ABOVE(v, high));
        else
            g[p.g_at + i] = mix(v * factor[p.factor_at], v, EQUAL(v, REAL(0.0)));
    }
}
