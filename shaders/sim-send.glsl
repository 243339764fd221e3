#version 450
// The spikes of a batch into a block for the other ranks (grilly_vk/sim/exchange.py): how many there are, how many in each
// step, and as many of their numbers as fit.
#include "common.glsl"

READS(0, uint, count); // (B + 2): spikes of each step
READS(1, uint, list); // (B, total)
WRITES(2, uint, outbox); // (block)
layout(push_constant) uniform Push { OFFSETS(3); uint n; uint steps; uint total; uint block; } p;
layout(constant_id = 1) const uint B = 1;

void main()
{
    uint to = 1 + B;
    for (uint k = 0; k < B; k++) {
        uint all = k < p.steps ? AT(count, k) : 0;
        for (uint e = gl_LocalInvocationID.x; e < all && to + e < p.block; e += gl_WorkGroupSize.x)
            AT(outbox, to + e) = AT(list, k * p.total + e);
        if (gl_LocalInvocationID.x == 0)
            AT(outbox, 1 + k) = all;
        to += all;
    }
    if (gl_LocalInvocationID.x == 0)
        AT(outbox, 0) = to - 1 - B;
}
