#version 450
// Gradients of batch norm times a number of each step, from the sums of gy * z and of gy in each step at each channel:
// over the steps, those of weight and bias; over the channels, that of each step's number.
#include "common.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;

READS(0, float, s); // (2, steps, channels)
READS(1, float, scale); // (steps)
READS(2, float, weight); // (channels)
READS(3, float, bias);
WRITES(4, float, sums); // (2, channels)
WRITES(5, float, gscale); // (steps)
layout(push_constant) uniform Push {
    OFFSETS(6); uint steps; uint channels;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.channels + p.steps; i += stride()) {
        float sum_z = 0.0, sum = 0.0;
        if (i < p.channels) {
            for (uint t = 0; t < p.steps; t++) {
                uint at = BEGIN(s) + t * p.channels + i;
                sum_z += AT(scale, t) * s[at];
                sum += AT(scale, t) * s[at + p.steps * p.channels];
            }
            AT(sums, i) = sum_z;
            AT(sums, p.channels + i) = sum;
        } else {
            for (uint c = 0; c < p.channels; c++) {
                uint at = BEGIN(s) + (i - p.channels) * p.channels + c;
                sum_z += (WEIGHT == 1 ? AT(weight, c) : 1.0) * s[at];
                sum += BIAS == 1 ? AT(bias, c) * s[at + p.steps * p.channels] : 0.0;
            }
            AT(gscale, i - p.channels) = sum_z + sum;
        }
    }
}
