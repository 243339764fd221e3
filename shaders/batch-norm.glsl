#version 450
// variants: vec4
// (x - mean) / sqrt(variance + eps) * weight + bias for each channel of x (outer, channels, inner).  With TRAIN the
// means are less the channel's first element.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint TRAIN = 1;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Mean { float mean[]; };
layout(std430, binding = 2) readonly buffer Variance { float variance[]; };
layout(std430, binding = 3) readonly buffer Weight { float weight[]; };
layout(std430, binding = 4) readonly buffer Bias { float bias[]; };
layout(std430, binding = 5) writeonly buffer Y { REAL y[]; };
layout(push_constant) uniform Push {
    uint x_at; uint mean_at; uint variance_at; uint weight_at; uint bias_at; uint y_at;
    uint n; uint channels; uint inner; float eps;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint c = i / p.inner % p.channels;
        float scale = 1.0 / sqrt(variance[p.variance_at + c] + p.eps);
        scale = WEIGHT == 1 ? scale * weight[p.weight_at + c] : scale;
        float base = TRAIN == 1 ? FIRST(x[p.x_at + c * p.inner]) : 0.0;
        REAL v = ((x[p.x_at + i] - base) - mean[p.mean_at + c]) * scale;
        y[p.y_at + i] = BIAS == 1 ? v + bias[p.bias_at + c] : v;
    }
}
