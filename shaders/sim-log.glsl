#version 450
// The end of a batch of grilly_vk.sim: its spikes into the record, its lists emptied, the clock set on.
#include "common.glsl"

CHANGES(0, uint, count); // (B + 2): spikes of each step, then the step at which the batch begins
READS(1, uint, list); // (B, total)
CHANGES(2, uint, fill); // (2): spikes in the record, the step at which it begins
WRITES(3, uint, record); // (room) numbers of the neurons, step by step
WRITES(4, uint, each); // (longest) spikes of each step
CHANGES(5, uint, counted); // (neurons of the network) spikes of each
layout(push_constant) uniform Push { OFFSETS(6); uint n; uint steps; uint total; } p;
layout(constant_id = 1) const uint B = 1;
layout(constant_id = 2) const uint KEEP = 1;
layout(constant_id = 3) const uint COUNT = 0;

void main()
{
    uint now = AT(count, B), to = KEEP == 1 ? AT(fill, 0) : 0;
    if (KEEP == 1)
        for (uint k = 0; k < p.steps; k++) {
            uint all = AT(count, k);
            for (uint e = gl_LocalInvocationID.x; e < all; e += gl_WorkGroupSize.x)
                AT(record, to + e) = AT(list, k * p.total + e);
            to += all;
        }
    if (COUNT == 1)
        for (uint k = 0; k < p.steps; k++)
            for (uint e = gl_LocalInvocationID.x; e < AT(count, k); e += gl_WorkGroupSize.x)
                atomicAdd(AT(counted, AT(list, k * p.total + e)), 1u);
    barrier();
    if (gl_LocalInvocationID.x == 0) {
        for (uint k = 0; k < p.steps; k++) {
            if (KEEP == 1)
                AT(each, now + k - AT(fill, 1)) = AT(count, k);
            AT(count, k) = 0;
        }
        AT(count, B) = now + p.steps;
        if (KEEP == 1)
            AT(fill, 0) = to;
    }
}
