#version 450
// Hebbian learning on n samples at once: w += rate * sum(post (x) pre) - shrink * w, and for Oja's rule
// (Oja 1982) - rate * sum(post^2) * w.
#include "common.glsl"
#include "tile.glsl"

layout(constant_id = 1) const uint OJA = 0;
layout(constant_id = 2) const uint PIECES = 0; // 1: the samples come in pieces, and `base` has the weights before the first

CHANGES(0, float, w); // (out, in)
READS(1, float, pre); // (n, in)
READS(2, float, post); // (n, out)
READS(3, float, base); // (out, in)
layout(push_constant) uniform Push {
    OFFSETS(4); uint ins; uint outs; uint n;
    float rate; float shrink;
} p;

void main()
{
    uint tall = (p.outs + 3) / 4, tiles = tall * ((p.ins + 3) / 4);
    for (uint id = gl_GlobalInvocationID.x; id < tiles; id += stride()) {
        uint o = id % tall * 4, i = id / tall * 4;
        uvec4 os = four(o, p.outs), is = four(i, p.ins);
        vec4 sum[4] = vec4[4](vec4(0), vec4(0), vec4(0), vec4(0)), power = vec4(0);
        for (uint k = 0; k < p.n; k++) {
            vec4 x = LOAD4(pre, k * p.ins + is), y = LOAD4(post, k * p.outs + os);
            if (OJA == 1)
                power += y * y;
            for (uint c = 0; c < 4; c++)
                sum[c] += y[c] * x;
        }
        for (uint c = 0; c < 4; c++) {
            vec4 now = LOAD4(w, os[c] * p.ins + is);
            vec4 before = PIECES == 1 ? LOAD4(base, os[c] * p.ins + is) : now;
            float loss = OJA == 1 ? p.rate * power[c] + p.shrink : p.shrink;
            now += p.rate * sum[c] - loss * before;
            STORE4(w, 0, now, o + c, i, p.outs, p.ins);
        }
    }
}
