#version 450
// What arrives at each neuron through synapses with delays of their own: y[t, o] = sum over i of w[o, i] line[t + lag - d[o, i], i].
#include "common.glsl"

layout(constant_id = 1) const uint WEIGHTED = 1; // 0: every weight is 1
layout(constant_id = 2) const uint DELAYED = 1; // 0: no delays, lag is 0

READS(0, float, line); // (lag + T, batch, in)
READS(1, float, w); // (out, in)
READS(2, uint, d); // (out, in) steps, at most lag
WRITES(3, float, y); // (T, batch, out)
layout(push_constant) uniform Push {
    OFFSETS(4); uint ins; uint outs; uint batch; uint rows; uint lag;
} p;

void main()
{
    uint bands = (p.rows + 3) / 4; // four rows of T * batch share weights and delays
    for (uint id = gl_GlobalInvocationID.x; id < bands * p.outs; id += stride()) {
        uint o = id % p.outs, first = id / p.outs * 4, end = p.rows - 1;
        uvec4 rows = min(uvec4(first) + uvec4(0, 1, 2, 3), uvec4(end));
        precise vec4 sum = vec4(0);
        for (uint i = 0; i < p.ins; i++) {
            uint back = DELAYED == 1 ? (p.lag - min(AT(d, o * p.ins + i), p.lag)) * p.batch : 0;
            uvec4 at = BEGIN(line) + (rows + back) * p.ins + i;
            vec4 x = vec4(line[at.x], line[at.y], line[at.z], line[at.w]);
            sum += WEIGHTED == 1 ? AT(w, o * p.ins + i) * x : x;
        }
        for (uint k = 0; k < 4 && first + k < p.rows; k++)
            AT(y, (first + k) * p.outs + o) = sum[k];
    }
}
