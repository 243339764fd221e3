#version 450
// Hebbian learning on n samples at once: w += rate * sum(post (x) pre) - shrink * w, and for Oja's rule
// (Oja 1982) - rate * sum(post^2) * w.
#include "common.glsl"
#include "tile.glsl"

layout(constant_id = 1) const uint OJA = 0;
layout(constant_id = 2) const uint PIECES = 0; // 1: the samples come in pieces, and `base` has the weights before the first

layout(std430, binding = 0) buffer W { float w[]; }; // (out, in)
layout(std430, binding = 1) readonly buffer Pre { float pre[]; }; // (n, in)
layout(std430, binding = 2) readonly buffer Post { float post[]; }; // (n, out)
layout(std430, binding = 3) readonly buffer Base { float base[]; }; // (out, in)
layout(push_constant) uniform Push {
    uint w_at; uint pre_at; uint post_at; uint base_at;
    uint ins; uint outs; uint n;
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
            vec4 x = LOAD4(pre, p.pre_at + k * p.ins + is), y = LOAD4(post, p.post_at + k * p.outs + os);
            if (OJA == 1)
                power += y * y;
            for (uint c = 0; c < 4; c++)
                sum[c] += y[c] * x;
        }
        for (uint c = 0; c < 4; c++) {
            vec4 now = LOAD4(w, p.w_at + os[c] * p.ins + is);
            vec4 before = PIECES == 1 ? LOAD4(base, p.base_at + os[c] * p.ins + is) : now;
            float loss = OJA == 1 ? p.rate * power[c] + p.shrink : p.shrink;
            now += p.rate * sum[c] - loss * before;
            STORE4(w, p.w_at, now, o + c, i, p.outs, p.ins);
        }
    }
}
