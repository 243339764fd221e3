#version 450
// The largest trace that arrives at any synapse, at each of T steps; one workgroup a step.
#include "common.glsl"
#include "rows.glsl"

layout(constant_id = 1) const uint DELAYED = 0;

READS(0, float, before); // (lag + T, batch, in) traces, none below 0
READS(1, uint, d); // (out, in)
WRITES(2, float, peak); // (T)
layout(push_constant) uniform Push {
    OFFSETS(3); uint ins; uint outs; uint batch; uint steps; uint lag;
} p;

void main()
{
    uint synapses = p.ins * (DELAYED == 1 ? p.outs : 1);
    for (uint t = gl_WorkGroupID.x; t < p.steps; t += groups()) {
        float own = 0.0;
        for (uint k = gl_LocalInvocationID.x; k < synapses * p.batch; k += gl_WorkGroupSize.x) {
            uint synapse = k % synapses, b = k / synapses;
            uint back = DELAYED == 1 ? p.lag - min(AT(d, synapse), p.lag) : 0;
            own = max(own, AT(before, ((t + back) * p.batch + b) * p.ins + synapse % p.ins));
        }
        float all = row_max(own);
        if (gl_LocalInvocationID.x == 0)
            AT(peak, t) = all;
    }
}
