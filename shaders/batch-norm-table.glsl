#version 450
// What normalises a value of each group (a channel, or a channel in a step), for kernels that do it on their way in:
// (base, mean, gain, bias), see batch-norm.
#include "common.glsl"
#include "math.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint TRAIN = 1;

READS(0, float, mean); // as in batch-norm
READS(1, float, variance);
READS(2, float, weight);
READS(3, float, bias);
WRITES(4, vec4, table);
layout(push_constant) uniform Push {
    OFFSETS(5); uint sets; float eps;
} p;

void main()
{
    for (uint g = gl_GlobalInvocationID.x; g < p.sets; g += stride()) {
        float gain = inverse_root(AT(variance, g) + p.eps), shift = 0.0;
        if (WEIGHT == 1)
            gain *= AT(weight, g);
        if (BIAS == 1)
            shift = AT(bias, g);
        float base = TRAIN == 1 ? AT(mean, p.sets + g) : 0.0;
        AT(table, g) = vec4(base, AT(mean, g), gain, shift);
    }
}
