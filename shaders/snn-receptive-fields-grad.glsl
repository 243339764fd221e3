#version 450
// Gradient of Gaussian receptive fields: gx = -sum over centres of gy * y * (x - centre) / width^2.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer X { float x[]; }; // (n)
layout(std430, binding = 1) readonly buffer Y { float y[]; }; // (n, m)
layout(std430, binding = 2) readonly buffer GY { float gy[]; }; // (n, m)
layout(std430, binding = 3) writeonly buffer GX { float gx[]; }; // (n)
layout(push_constant) uniform Push {
    uint x_at; uint y_at; uint gy_at; uint gx_at; uint n; uint m;
    float first; float spacing; float width;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        float value = x[p.x_at + i], sum = 0.0;
        for (uint k = 0; k < p.m; k++) {
            uint at = i * p.m + k;
            float off = (value - (p.first + float(k) * p.spacing)) / p.width;
            sum += gy[p.gy_at + at] * y[p.y_at + at] * off;
        }
        gx[p.gx_at + i] = -sum / p.width;
    }
}
