#version 450
// What outputs lose to each other: w -= m base, m being the outputs' overlap; with LOWER only its lower triangle.
// Oja, "Neural networks, principal components, and subspaces", 1989; Sanger, "Optimal unsupervised learning in a
// single-layer linear feedforward neural network", 1989.
#include "common.glsl"
#include "tile.glsl"

layout(constant_id = 1) const uint LOWER = 0;

CHANGES(0, float, w); // (out, in)
READS(1, float, m); // (out, out)
READS(2, float, base); // (out, in)
layout(push_constant) uniform Push { OFFSETS(3); uint ins; uint outs; } p;

void main()
{
    uint tall = (p.outs + 3) / 4, tiles = tall * ((p.ins + 3) / 4);
    for (uint id = gl_GlobalInvocationID.x; id < tiles; id += stride()) {
        uint o = id % tall * 4, i = id / tall * 4;
        uvec4 os = four(o, p.outs), is = four(i, p.ins);
        vec4 sum[4] = vec4[4](vec4(0), vec4(0), vec4(0), vec4(0));
        for (uint k = 0; k < (LOWER == 1 ? min(o + 4, p.outs) : p.outs); k++) {
            vec4 row = LOAD4(base, k * p.ins + is), with = LOAD4(m, os * p.outs + k);
            for (uint c = 0; c < 4; c++)
                sum[c] += LOWER == 1 && k > o + c ? vec4(0) : with[c] * row;
        }
        for (uint c = 0; c < 4; c++) {
            vec4 left = LOAD4(w, os[c] * p.ins + is) - sum[c];
            STORE4(w, 0, left, o + c, i, p.outs, p.ins);
        }
    }
}
