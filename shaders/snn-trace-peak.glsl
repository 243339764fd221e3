#version 450
// The largest trace that arrives at any synapse, at each of T steps; one workgroup a step.
#include "common.glsl"
#include "rows.glsl"

layout(constant_id = 1) const uint DELAYED = 0;

layout(std430, binding = 0) readonly buffer Before { float before[]; }; // (lag + T, batch, in) traces, none below 0
layout(std430, binding = 1) readonly buffer D { uint d[]; }; // (out, in)
layout(std430, binding = 2) writeonly buffer Peak { float peak[]; }; // (T)
layout(push_constant) uniform Push {
    uint before_at; uint d_at; uint peak_at;
    uint ins; uint outs; uint batch; uint steps; uint lag;
} p;

void main()
{
    uint synapses = p.ins * (DELAYED == 1 ? p.outs : 1);
    for (uint t = gl_WorkGroupID.x; t < p.steps; t += groups()) {
        float own = 0.0;
        for (uint k = gl_LocalInvocationID.x; k < synapses * p.batch; k += gl_WorkGroupSize.x) {
            uint synapse = k % synapses, b = k / synapses;
            uint back = DELAYED == 1 ? p.lag - min(d[p.d_at + synapse], p.lag) : 0;
            own = max(own, before[p.before_at + ((t + back) * p.batch + b) * p.ins + synapse % p.ins]);
        }
        float all = row_max(own);
        if (gl_LocalInvocationID.x == 0)
            peak[p.peak_at + t] = all;
    }
}
