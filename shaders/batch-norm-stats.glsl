#version 450
// Mean and sum of squared deviations of each channel of x (outer, channels, inner), in `parts` stretches of its
// elements: one (channel, part) a workgroup, two passes.  Means are less the channel's first element: differences
// from that are exact in channels far from zero.
#include "common.glsl"
#include "rows.glsl"
layout(constant_id = 1) const uint COUNT = 0; // count this batch

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; }; // (channels, parts, 2)
layout(std430, binding = 2) buffer Batches { int batches[]; };
layout(push_constant) uniform Push {
    uint x_at; uint y_at; uint batches_at;
    uint outer; uint channels; uint inner; uint parts;
} p;

uint place(uint channel, uint k) { return p.x_at + (k / p.inner * p.channels + channel) * p.inner + k % p.inner; }

void main()
{
    if (COUNT == 1 && gl_GlobalInvocationID.x == 0)
        batches[p.batches_at]++;
    uint count = p.outer * p.inner, length = (count + p.parts - 1) / p.parts;
    for (uint row = gl_WorkGroupID.x; row < p.channels * p.parts; row += gl_NumWorkGroups.x) {
        uint channel = row / p.parts, first = row % p.parts * length, last = min(count, first + length);
        float base = x[place(channel, 0)], sum = 0.0, squares = 0.0;
        for (uint k = first + gl_LocalInvocationID.x; k < last; k += gl_WorkGroupSize.x)
            sum += x[place(channel, k)] - base;
        float mean = row_sum(sum) / float(max(last, first + 1) - first);
        for (uint k = first + gl_LocalInvocationID.x; k < last; k += gl_WorkGroupSize.x) {
            float d = (x[place(channel, k)] - base) - mean;
            squares += d * d;
        }
        float all = row_sum(squares);
        if (gl_LocalInvocationID.x == 0) {
            y[p.y_at + 2 * row] = mean;
            y[p.y_at + 2 * row + 1] = all;
        }
    }
}
