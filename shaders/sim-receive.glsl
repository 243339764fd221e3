#version 450
// Blocks of sim-send from all ranks into one list of a batch's spikes, which delivery takes.  A workgroup takes a block.
#include "common.glsl"

READS(0, uint, inbox); // (ranks, block)
READS(1, uint, clock); // (B + 2): at the last but one the step after the batch
CHANGES(2, uint, count); // (B + 2): spikes of each step of all ranks, then the step at which the batch begins
WRITES(3, uint, list); // (B, total)
layout(push_constant) uniform Push { OFFSETS(4); uint n; uint steps; uint total; uint block; } p;
layout(constant_id = 1) const uint B = 1;

void main()
{
    for (uint r = gl_WorkGroupID.x; r < p.n; r += groups()) {
        uint from = r * p.block + 1 + B;
        for (uint k = 0; k < B; k++) {
            uint mine = AT(inbox, r * p.block + 1 + k), before = 0, all = 0;
            for (uint other = 0; other < p.n; other++) {
                if (other == r)
                    before = all;
                all += AT(inbox, other * p.block + 1 + k);
            }
            for (uint e = gl_LocalInvocationID.x; e < mine; e += gl_WorkGroupSize.x)
                AT(list, k * p.total + before + e) = AT(inbox, from + e);
            if (r == 0 && gl_LocalInvocationID.x == 0)
                AT(count, k) = all;
            from += mine;
        }
        if (r == 0 && gl_LocalInvocationID.x == 0)
            AT(count, B) = AT(clock, B) - p.steps;
    }
}
