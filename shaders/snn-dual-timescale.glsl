#version 450
// variants: vec4
// Weighted sum of a fast and a slow exponential synapse over T steps.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) buffer Fast { REAL fast[]; }; // (n)
layout(std430, binding = 2) buffer Slow { REAL slow[]; }; // (n)
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint fast_at; uint slow_at; uint y_at;
    uint n; uint steps;
    float fast_decay; float slow_decay; float fast_weight; float slow_weight;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise REAL quick = fast[p.fast_at + i];
        precise REAL lasting = slow[p.slow_at + i];
        for (uint t = 0; t < p.steps; t++) {
            REAL now = x[p.x_at + t * p.n + i];
            quick = quick * p.fast_decay + now;
            lasting = lasting * p.slow_decay + now;
            y[p.y_at + t * p.n + i] = p.fast_weight * quick + p.slow_weight * lasting;
        }
        fast[p.fast_at + i] = quick;
        slow[p.slow_at + i] = lasting;
    }
}
