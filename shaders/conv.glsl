#version 450
// variants: vec4
// 2-d convolution of (batch, sets, ins, h, w), or its gradient to the input: each invocation keeps 4 pixels x 4
// channels of the result in registers and walks taps and channels in order.  vec4: four input channels a load.
#include "common.glsl"
#include "vector.glsl"
#include "convolve.glsl"

void main()
{
    uvec2 each = phases();
    uint tiles = (p.band * grid().x * grid().y + 3) / 4, fours = (p.outs + 3) / 4;
    for (uint i = gl_GlobalInvocationID.x; i < p.count; i += stride()) {
        uint t = p.first + i, rest = t / tiles / (each.x * each.y);
        uint o = rest % fours, g = rest / fours % p.sets;
        Pixels to = pixels(t % tiles, t / tiles % (each.x * each.y), rest / fours / p.sets);
        uvec4 x0 = BEGIN(x) + (min(to.image, uvec4(p.batch - 1)) * p.sets + g) * p.ins * p.h * p.width;
        uint w_at = BEGIN(w) + (g * fours + o) * p.kh * p.kw * p.ins * VEC;

        vec4 start = vec4(0);
        for (uint k = 0; k < 4; k++)
            if (BIAS == 1 && o * 4 + k < p.outs)
                start[k] = AT(bias, g * p.outs + o * 4 + k);
        vec4 sum[4] = vec4[4](start, start, start, start);
        for (uint ky = 0; ky < p.kh; ky++) {
            uvec4 sy;
            if (!meet(to.row, ky, p.kh, p.stride_y, p.pad_y, p.gap_y, sy))
                continue;
            for (uint kx = 0; kx < p.kw; kx++) {
                uvec4 sx, at, channel;
                if (!meet(to.col, kx, p.kw, p.stride_x, p.pad_x, p.gap_x, sx))
                    continue;
                bvec4 inside = sources(x0, sy, sx, at, channel);
                if (!any(inside))
                    continue;
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
        bvec4 stored = real(to);
        for (uint k = 0; k < 4; k++)
            if (stored[k])
                for (uint c = 0; c < 4 && o * 4 + c < p.outs; c++)
                    AT(y, (((to.image[k] * p.sets + g) * p.outs + o * 4 + c) * p.oh + to.row[k]) * p.ow
                      + to.col[k]) = sum[k][c];
    }
}
