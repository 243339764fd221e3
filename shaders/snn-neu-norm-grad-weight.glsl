#version 450
// variants: vec4
// Gradient of NeuNorm's weight, -sum over steps and samples of gy times the state, in `parts` stretches of these.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer Gy { REAL gy[]; }; // (rows, channels, inner), rows being steps and samples
layout(std430, binding = 1) readonly buffer Trace { REAL trace[]; }; // (rows, inner)
layout(std430, binding = 2) writeonly buffer Gw { REAL gw[]; }; // (parts, channels, inner)
layout(push_constant) uniform Push {
    uint gy_at; uint trace_at; uint gw_at;
    uint rows; uint channels; uint inner; uint parts;
} p;

void main()
{
    uint n = p.channels * p.inner, length = (p.rows + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < n * p.parts; i += stride()) {
        uint at = i % n, part = i / n;
        REAL sum = REAL(0);
        for (uint r = part * length; r < min(p.rows, (part + 1) * length); r++)
            sum -= gy[p.gy_at + r * n + at] * trace[p.trace_at + r * p.inner + at % p.inner];
        gw[p.gw_at + i] = sum;
    }
}
