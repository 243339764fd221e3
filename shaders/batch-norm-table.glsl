#version 450
// What normalises a value of each channel, or of each channel in each step, for kernels that do it on their way in:
// (base, mean, gain, bias), see batch-norm.
#include "common.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint SCALE = 0;
layout(constant_id = 4) const uint TRAIN = 1;

layout(std430, binding = 0) readonly buffer Mean { float mean[]; }; // as in batch-norm
layout(std430, binding = 1) readonly buffer Variance { float variance[]; };
layout(std430, binding = 2) readonly buffer Weight { float weight[]; };
layout(std430, binding = 3) readonly buffer Bias { float bias[]; };
layout(std430, binding = 4) readonly buffer Scale { float scale[]; };
layout(std430, binding = 5) writeonly buffer Table { vec4 table[]; };
layout(push_constant) uniform Push {
    uint mean_at; uint variance_at; uint weight_at; uint bias_at; uint scale_at; uint table_at;
    uint n; uint channels; uint sets; float eps;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint g = i % p.sets;
        float gain = 1.0 / sqrt(variance[p.variance_at + g] + p.eps), shift = 0.0;
        if (WEIGHT == 1)
            gain *= weight[p.weight_at + g];
        if (BIAS == 1)
            shift = bias[p.bias_at + g];
        if (SCALE == 1) {
            gain *= scale[p.scale_at + i / p.channels];
            shift *= scale[p.scale_at + i / p.channels];
        }
        float base = TRAIN == 1 ? mean[p.mean_at + p.sets + g] : 0.0;
        table[p.table_at + i] = vec4(base, mean[p.mean_at + g], gain, shift);
    }
}
