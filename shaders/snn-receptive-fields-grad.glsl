#version 450
// Gradient of Gaussian receptive fields: gx = -sum over centres of gy * y * (x - centre) / width^2.
#include "common.glsl"

READS(0, float, x); // (n)
READS(1, float, y); // (n, m)
READS(2, float, gy); // (n, m)
WRITES(3, float, gx); // (n)
layout(push_constant) uniform Push {
    OFFSETS(4); uint n; uint m;
    float first; float spacing; float width;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        float value = AT(x, i), sum = 0.0;
        for (uint k = 0; k < p.m; k++) {
            uint at = i * p.m + k;
            float off = (value - (p.first + float(k) * p.spacing)) / p.width;
            sum += AT(gy, at) * AT(y, at) * off;
        }
        AT(gx, i) = -sum / p.width;
    }
}
