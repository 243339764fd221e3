#version 450
// variants: vec4
// The same input at every step: (n) -> (T, n).
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { COUNT x[]; }; // (n); as bits, so that NaNs keep theirs
layout(std430, binding = 1) writeonly buffer Y { COUNT y[]; }; // (T, n)
layout(push_constant) uniform Push { uint x_at; uint y_at; uint n; uint steps; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT value = x[p.x_at + i];
        for (uint t = 0; t < p.steps; t++)
            y[p.y_at + t * p.n + i] = value;
    }
}
