#version 450
// Spikes of grilly_vk.sim at listed times, a batch of steps.  A workgroup takes a step.
#include "common.glsl"

READS(0, uint, event); // global numbers of the sources, by step
READS(1, uvec2, place); // (chunk) the first event of a step and the one behind its last, in the row of the step modulo chunk
CHANGES(2, uint, count); // (B + 2): spikes of each step of the batch, then the step at which the batch begins
CHANGES(3, uint, list); // (B, total)
layout(push_constant) uniform Push { OFFSETS(4); uint n; uint steps; uint total; uint chunk; } p;
layout(constant_id = 1) const uint B = 1;

void main()
{
    uint now = AT(count, B);
    for (uint k = gl_WorkGroupID.x; k < p.steps; k += groups()) {
        uvec2 here = AT(place, (now + k) % p.chunk);
        uint to = AT(count, k);
        barrier();
        for (uint e = here.x + gl_LocalInvocationID.x; e < here.y; e += gl_WorkGroupSize.x)
            AT(list, k * p.total + to + e - here.x) = AT(event, e);
        if (gl_LocalInvocationID.x == 0)
            AT(count, k) = to + here.y - here.x;
    }
}
