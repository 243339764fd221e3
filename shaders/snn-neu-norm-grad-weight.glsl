#version 450
// variants: vec4
// Gradient of NeuNorm's weight, -sum over steps and samples of gy times the state, in `parts` stretches of these.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, gy); // (rows, channels, inner), rows being steps and samples
READS(1, REAL, trace); // (rows, inner)
WRITES(2, REAL, gw); // (parts, channels, inner)
layout(push_constant) uniform Push {
    OFFSETS(3); uint rows; uint channels; uint inner; uint parts;
} p;

void main()
{
    uint n = p.channels * p.inner, length = (p.rows + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < n * p.parts; i += stride()) {
        uint at = i % n, part = i / n;
        REAL sum = REAL(0);
        for (uint r = part * length; r < min(p.rows, (part + 1) * length); r++)
            sum -= AT(gy, r * n + at) * AT(trace, r * p.inner + at % p.inner);
        AT(gw, i) = sum;
    }
}
