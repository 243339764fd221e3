#version 450
// Gradients of batch norm times a number of each step, from the sums of gy * z and of gy in each step at each channel:
// over the steps, those of weight and bias; over the channels, that of each step's number.
#include "common.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;

layout(std430, binding = 0) readonly buffer S { float s[]; }; // (2, steps, channels)
layout(std430, binding = 1) readonly buffer Scale { float scale[]; }; // (steps)
layout(std430, binding = 2) readonly buffer Weight { float weight[]; }; // (channels)
layout(std430, binding = 3) readonly buffer Bias { float bias[]; };
layout(std430, binding = 4) writeonly buffer Sums { float sums[]; }; // (2, channels)
layout(std430, binding = 5) writeonly buffer Gscale { float gscale[]; }; // (steps)
layout(push_constant) uniform Push {
    uint s_at; uint scale_at; uint weight_at; uint bias_at; uint sums_at; uint gscale_at;
    uint steps; uint channels;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.channels + p.steps; i += stride()) {
        float sum_z = 0.0, sum = 0.0;
        if (i < p.channels) {
            for (uint t = 0; t < p.steps; t++) {
                uint at = p.s_at + t * p.channels + i;
                sum_z += scale[p.scale_at + t] * s[at];
                sum += scale[p.scale_at + t] * s[at + p.steps * p.channels];
            }
            sums[p.sums_at + i] = sum_z;
            sums[p.sums_at + p.channels + i] = sum;
        } else {
            for (uint c = 0; c < p.channels; c++) {
                uint at = p.s_at + (i - p.channels) * p.channels + c;
                sum_z += (WEIGHT == 1 ? weight[p.weight_at + c] : 1.0) * s[at];
                sum += BIAS == 1 ? bias[p.bias_at + c] * s[at + p.steps * p.channels] : 0.0;
            }
            gscale[p.gscale_at + i - p.channels] = sum_z + sum;
        }
    }
}
