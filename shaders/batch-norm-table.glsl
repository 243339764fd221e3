#version 450
// What normalises a value of each group (a channel, or a channel in a step), for kernels that do it on their way in:
// (base, mean, gain, bias), see batch-norm.
#include "common.glsl"
#include "math.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint TRAIN = 1;

layout(std430, binding = 0) readonly buffer Mean { float mean[]; }; // as in batch-norm
layout(std430, binding = 1) readonly buffer Variance { float variance[]; };
layout(std430, binding = 2) readonly buffer Weight { float weight[]; };
layout(std430, binding = 3) readonly buffer Bias { float bias[]; };
layout(std430, binding = 4) writeonly buffer Table { vec4 table[]; };
layout(push_constant) uniform Push {
    uint mean_at; uint variance_at; uint weight_at; uint bias_at; uint table_at;
    uint sets; float eps;
} p;

void main()
{
    for (uint g = gl_GlobalInvocationID.x; g < p.sets; g += stride()) {
        float gain = inverse_root(variance[p.variance_at + g] + p.eps), shift = 0.0;
        if (WEIGHT == 1)
            gain *= weight[p.weight_at + g];
        if (BIAS == 1)
            shift = bias[p.bias_at + g];
        float base = TRAIN == 1 ? mean[p.mean_at + p.sets + g] : 0.0;
        table[p.table_at + g] = vec4(base, mean[p.mean_at + g], gain, shift);
    }
}
