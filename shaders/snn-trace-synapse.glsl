#version 450
// One step of every synapse by itself: the potential that arrives, w[o, i] s, and the trace that arrives with it.
#include "common.glsl"

layout(constant_id = 1) const uint DELAYED = 1; // 0: no delays, lag is 0

READS(0, float, s); // (lag + 1, batch, in)
READS(1, float, x); // (lag + 1, batch, in)
READS(2, float, w); // (out, in)
READS(3, uint, d); // (out, in) steps, at most lag
WRITES(4, float, y); // (batch, out, in)
WRITES(5, float, trace); // (batch, out, in)
layout(push_constant) uniform Push {
    OFFSETS(6); uint ins; uint outs; uint batch; uint lag; uint n;
} p;

void main()
{
    for (uint id = gl_GlobalInvocationID.x; id < p.n; id += stride()) {
        uint synapse = id % (p.outs * p.ins), b = id / (p.outs * p.ins);
        uint back = DELAYED == 1 ? p.lag - min(AT(d, synapse), p.lag) : 0;
        uint at = (back * p.batch + b) * p.ins + synapse % p.ins;
        AT(y, id) = AT(w, synapse) * AT(s, at);
        AT(trace, id) = AT(x, at);
    }
}
