#version 450
// variants: vec4
// 2-d convolution of (batch, sets, ins, h, w), or its gradient to the input: each invocation keeps 4 pixels x 4
// channels of the result in registers and walks taps and channels in order.  vec4: four input channels a load.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint BACK = 0; // 1: x is the gradient of the result, y that of the input
layout(constant_id = 2) const uint BIAS = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (batch, sets, ins, h, w)
layout(std430, binding = 1) readonly buffer W { vec4 w[]; }; // (sets, outs / 4, kh * kw, ins * VEC), 4 outs each
layout(std430, binding = 2) readonly buffer Bias { float bias[]; }; // (sets * outs)
layout(std430, binding = 3) writeonly buffer Y { float y[]; }; // (batch, sets, outs, oh, ow)
layout(push_constant) uniform Push {
    uint x_at; uint w_at; uint bias_at; uint y_at;
    uint batch; uint sets; uint ins; uint outs; // sets: groups of channels
    uint h; uint width; uint oh; uint ow; uint kh; uint kw;
    uint stride_y; uint stride_x; uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    uint band; // images whose pixels are tiled together
    uint zero; // vec4: where x has a zero
    uint first; uint count; // tiles of this dispatch
} p;

// Where tap k meets the pixels `at` of y, in x; wraps to huge numbers outside.  False: it meets no pixel of them.
bool meet(uvec4 at, uint k, uint size, uint step, uint pad, uint gap, out uvec4 source)
{
    source = at * step + k * gap - pad;
    if (BACK == 1) {
        uvec4 v = at + pad + (step * size - k) * gap;
        source = v / step - size * gap;
        return v.x % step == 0;
    }
    return true;
}

void main()
{
    // In BACK, pixels that the same taps meet go together: those with the same remainder by the stride.
    uvec2 each = BACK == 1 ? uvec2(p.stride_y, p.stride_x) : uvec2(1);
    uvec2 grid = (uvec2(p.oh, p.ow) + each - 1) / each;
    uint image = grid.x * grid.y, pixels = p.band * image, tiles = (pixels + 3) / 4, fours = (p.outs + 3) / 4;
    for (uint i = gl_GlobalInvocationID.x; i < p.count; i += stride()) {
        uint t = p.first + i, tile = t % tiles;
        t /= tiles;
        uint phase = t % (each.x * each.y);
        t /= each.x * each.y;
        uint o = t % fours, g = t / fours % p.sets, band = t / fours / p.sets;
        uvec4 q = tile * 4 + uvec4(0, 1, 2, 3), b = band * p.band + q / image;
        uvec4 row = q % image / grid.y * each.x + phase / each.y, col = q % grid.y * each.y + phase % each.y;
        uvec4 x0 = p.x_at + (min(b, uvec4(p.batch - 1)) * p.sets + g) * p.ins * p.h * p.width;
        uint w_at = p.w_at + (g * fours + o) * p.kh * p.kw * p.ins * VEC;

        vec4 start = vec4(0);
        for (uint k = 0; k < 4; k++)
            if (BIAS == 1 && o * 4 + k < p.outs)
                start[k] = bias[p.bias_at + g * p.outs + o * 4 + k];
        vec4 sum[4] = vec4[4](start, start, start, start);
        for (uint ky = 0; ky < p.kh; ky++) {
            uvec4 sy;
            if (!meet(row, ky, p.kh, p.stride_y, p.pad_y, p.gap_y, sy))
                continue;
            for (uint kx = 0; kx < p.kw; kx++) {
                uvec4 sx;
                if (!meet(col, kx, p.kw, p.stride_x, p.pad_x, p.gap_x, sx))
                    continue;
                bvec4 in_y = lessThan(sy, uvec4(p.h)), in_x = lessThan(sx, uvec4(p.width));
                bvec4 inside = bvec4(in_y.x && in_x.x, in_y.y && in_x.y, in_y.z && in_x.z, in_y.w && in_x.w);
                if (!any(inside))
                    continue;
                // Outside the image: the zero behind it (vec4), or any element, not taken.
                uvec4 at = mix(uvec4(p.x_at + p.zero), x0 + sy * p.width + sx, inside);
                uvec4 channel = mix(uvec4(0), uvec4(p.h * p.width), inside);
                uint wt = w_at + (ky * p.kw + kx) * p.ins * VEC;
                for (uint c = 0; c < p.ins; c++, at += channel, wt += VEC) {
#if VEC == 4
                    vec4 w0 = w[wt], w1 = w[wt + 1], w2 = w[wt + 2], w3 = w[wt + 3];
                    for (uint k = 0; k < 4; k++) {
                        vec4 v = x[at[k]];
                        sum[k] += v.x * w0;
                        sum[k] += v.y * w1;
                        sum[k] += v.z * w2;
                        sum[k] += v.w * w3;
                    }
#else
                    vec4 w0 = w[wt];
                    for (uint k = 0; k < 4; k++)
                        sum[k] += mix(0.0, x[at[k]], inside[k]) * w0;
#endif
                }
            }
        }
        for (uint k = 0; k < 4; k++)
            if (q[k] < pixels && b[k] < p.batch && row[k] < p.oh && col[k] < p.ow)
                for (uint c = 0; c < 4 && o * 4 + c < p.outs; c++)
                    y[p.y_at + (((b[k] * p.sets + g) * p.outs + o * 4 + c) * p.oh + row[k]) * p.ow + col[k]] =
                        sum[k][c];
    }
}
