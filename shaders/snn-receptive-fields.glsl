#version 450
// Gaussian receptive fields: each value against m evenly spaced centres.  y = exp(-((x - centre) / width)^2 / 2).
#include "common.glsl"
#include "math.glsl"

layout(std430, binding = 0) readonly buffer X { float x[]; }; // (n)
layout(std430, binding = 1) writeonly buffer Y { float y[]; }; // (n, m)
layout(push_constant) uniform Push {
    uint x_at; uint y_at; uint n; uint m;
    float first; float spacing; float width;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n * p.m; i += stride()) {
        float off = (x[p.x_at + i / p.m] - (p.first + float(i % p.m) * p.spacing)) / p.width;
        y[p.y_at + i] = exponential(-0.5 * off * off);
    }
}
