#version 450
// variants: vec4
// Exponential synapse over T steps: y = y * decay + x.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) buffer State { REAL state[]; }; // (n)
layout(std430, binding = 2) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(push_constant) uniform Push { uint x_at; uint state_at; uint y_at; uint n; uint steps; float decay; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise REAL now = state[p.state_at + i];
        for (uint t = 0; t < p.steps; t++) {
            now = now * p.decay + x[p.x_at + t * p.n + i];
            y[p.y_at + t * p.n + i] = now;
        }
        state[p.state_at + i] = now;
    }
}
