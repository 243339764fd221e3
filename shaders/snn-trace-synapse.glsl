#version 450
// One step of every synapse by itself: the potential that arrives, w[o, i] s, and the trace that arrives with it.
#include "common.glsl"

layout(constant_id = 1) const uint DELAYED = 1; // 0: no delays, lag is 0

layout(std430, binding = 0) readonly buffer S { float s[]; }; // (lag + 1, batch, in)
layout(std430, binding = 1) readonly buffer X { float x[]; }; // (lag + 1, batch, in)
layout(std430, binding = 2) readonly buffer W { float w[]; }; // (out, in)
layout(std430, binding = 3) readonly buffer D { uint d[]; }; // (out, in) steps, at most lag
layout(std430, binding = 4) writeonly buffer Y { float y[]; }; // (batch, out, in)
layout(std430, binding = 5) writeonly buffer Trace { float trace[]; }; // (batch, out, in)
layout(push_constant) uniform Push {
    uint s_at; uint x_at; uint w_at; uint d_at; uint y_at; uint trace_at;
    uint ins; uint outs; uint batch; uint lag; uint n;
} p;

void main()
{
    for (uint id = gl_GlobalInvocationID.x; id < p.n; id += stride()) {
        uint synapse = id % (p.outs * p.ins), b = id / (p.outs * p.ins);
        uint back = DELAYED == 1 ? p.lag - min(d[p.d_at + synapse], p.lag) : 0;
        uint at = (back * p.batch + b) * p.ins + synapse % p.ins;
        y[p.y_at + id] = w[p.w_at + synapse] * s[p.s_at + at];
        trace[p.trace_at + id] = x[p.x_at + at];
    }
}
