#version 450
// variants: vec4
// Gradient of a 2-d convolution to its weight: each invocation sums 4 outputs x VEC inputs of one tap over a part of
// the images' rows, in order.  The parts are added up afterwards.
#include "common.glsl"
#include "vector.glsl"

const uint SEGMENT = 256; // longest piece of a row

READS(0, vec4, g); // (batch, sets, outs / 4, oh, ow), 4 outs each
READS(1, REAL, x); // (batch, sets, ins / VEC, h, w)
WRITES(2, float, y); // (parts, sets, outs, ins, kh, kw)
layout(push_constant) uniform Push {
    OFFSETS(3); uint batch; uint sets; uint ins; uint outs; // sets: groups of channels
    uint h; uint width; uint oh; uint ow; uint kh; uint kw;
    uint stride_y; uint stride_x; uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    uint parts;
    uint first; uint count; // tiles of this dispatch
} p;

void main()
{
    uint taps = p.kh * p.kw, fours = (p.outs + 3) / 4, cols = (p.ins + VEC - 1) / VEC;
    uint segments = (p.ow + SEGMENT - 1) / SEGMENT, rows = p.batch * p.oh * segments;
    uint length = (rows + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < p.count; i += stride()) {
        uint t = p.first + i, ky = t % taps / p.kw, kx = t % p.kw;
        t /= taps;
        uint c = t % cols, o = t / cols % fours;
        t /= cols * fours;
        uint group = t % p.sets, part = t / p.sets;
        // Columns of the result whose input lies inside: low <= ox < high.
        uint shift = kx * p.gap_x, low = shift >= p.pad_x ? 0 : (p.pad_x - shift + p.stride_x - 1) / p.stride_x;
        uint end = p.width + p.pad_x;
        uint high = shift >= end ? 0 : min(p.ow, (end - shift + p.stride_x - 1) / p.stride_x);
        vec4 sum[VEC];
        for (uint k = 0; k < VEC; k++)
            sum[k] = vec4(0);
        for (uint r = part * length; r < min(rows, (part + 1) * length); r++) {
            uint from = r % segments * SEGMENT, oy = r / segments % p.oh, b = r / segments / p.oh;
            uint iy = oy * p.stride_y + ky * p.gap_y - p.pad_y; // wraps outside
            uint ox = max(low, from), last = min(high, from + SEGMENT);
            if (iy >= p.h || ox >= last)
                continue;
            uint g_at = BEGIN(g) + (((b * p.sets + group) * fours + o) * p.oh + oy) * p.ow + ox;
            uint x_at = BEGIN(x) + (((b * p.sets + group) * cols + c) * p.h + iy) * p.width
                      + (ox * p.stride_x + shift - p.pad_x);
            for (; ox < last; ox++, g_at++, x_at += p.stride_x) {
                vec4 u = g[g_at];
                REAL v = x[x_at];
#if VEC == 4
                sum[0] += v.x * u;
                sum[1] += v.y * u;
                sum[2] += v.z * u;
                sum[3] += v.w * u;
#else
                sum[0] += v * u;
#endif
            }
        }
        for (uint k = 0; k < VEC && c * VEC + k < p.ins; k++)
            for (uint n = 0; n < 4 && o * 4 + n < p.outs; n++)
                AT(y, ((((part * p.sets + group) * p.outs + o * 4 + n) * p.ins + c * VEC + k) * p.kh + ky) * p.kw
                  + kx) = sum[k][n];
    }
}
