#version 450
// Gaussian receptive fields: each value against m evenly spaced centres.  y = exp(-((x - centre) / width)^2 / 2).
#include "common.glsl"
#include "math.glsl"

READS(0, float, x); // (n)
WRITES(1, float, y); // (n, m)
layout(push_constant) uniform Push {
    OFFSETS(2); uint n; uint m;
    float first; float spacing; float width;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n * p.m; i += stride()) {
        float off = (AT(x, i / p.m) - (p.first + float(i % p.m) * p.spacing)) / p.width;
        AT(y, i) = exponential(-0.5 * off * off);
    }
}
