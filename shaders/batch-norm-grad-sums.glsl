#version 450
// Sums over each channel of gy and of gy * z, z the normalised x, in `parts` stretches: one (channel, part) a workgroup.
#include "common.glsl"
#include "rows.glsl"
layout(constant_id = 1) const uint TRAIN = 1; // means are less the channel's first element

layout(std430, binding = 0) readonly buffer X { float x[]; }; // (outer, channels, inner)
layout(std430, binding = 1) readonly buffer Gy { float gy[]; };
layout(std430, binding = 2) readonly buffer Mean { float mean[]; };
layout(std430, binding = 3) readonly buffer Variance { float variance[]; };
layout(std430, binding = 4) writeonly buffer Gw { float gw[]; }; // (channels, parts)
layout(std430, binding = 5) writeonly buffer Gb { float gb[]; };
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint mean_at; uint variance_at; uint gw_at; uint gb_at;
    uint outer; uint channels; uint inner; uint parts; float eps;
} p;

void main()
{
    uint count = p.outer * p.inner, length = (count + p.parts - 1) / p.parts;
    for (uint row = gl_WorkGroupID.x; row < p.channels * p.parts; row += gl_NumWorkGroups.x) {
        uint channel = row / p.parts, first = row % p.parts * length, last = min(count, first + length);
        float base = TRAIN == 1 && count > 0 ? x[p.x_at + channel * p.inner] : 0.0;
        float centre = mean[p.mean_at + channel], sum = 0.0, sum_z = 0.0;
        for (uint k = first + gl_LocalInvocationID.x; k < last; k += gl_WorkGroupSize.x) {
            uint at = (k / p.inner * p.channels + channel) * p.inner + k % p.inner;
            float g = gy[p.gy_at + at];
            sum += g;
            sum_z += g * ((x[p.x_at + at] - base) - centre);
        }
        float all = row_sum(sum), all_z = row_sum(sum_z);
        if (gl_LocalInvocationID.x == 0) {
            gw[p.gw_at + row] = all_z / sqrt(variance[p.variance_at + channel] + p.eps);
            gb[p.gb_at + row] = all;
        }
    }
}
