#version 450
// variants: vec4
// The convolutions of conv.glsl where every lane's load costs the same (lavapipe): a subgroup of 8 lanes makes ROWS
// channels of 32 pixels.  A lane keeps 4 pixels and loads their sources; of the weights all lanes get what one loads.
#extension GL_KHR_shader_subgroup_ballot : require
#include "common.glsl"
#include "vector.glsl"
#include "convolve.glsl"

layout(constant_id = 3) const uint ROWS = 32; // 8, 16 or 32

// The weight of output j of eight for input q, and its products.  vec4: four lanes take four inputs, two take four
// outputs each; else each lane takes four outputs.
#if VEC == 4
#define WEIGHT(r, j, q) subgroupBroadcast(u[r][j % 4], j / 4 * 4 + q)
#define ROW(j) { \
        vec4 s = sum[r * 8 + j]; \
        s += WEIGHT(r, j, 0) * v0; \
        s += WEIGHT(r, j, 1) * v1; \
        s += WEIGHT(r, j, 2) * v2; \
        s += WEIGHT(r, j, 3) * v3; \
        sum[r * 8 + j] = s; \
    }
#else
#define ROW(j) sum[r * 8 + j] += subgroupBroadcast(u[0][j % 4], r * 2 + j / 4) * v0;
#endif
#define ROWS8(n) if (n * 8 < ROWS) { \
        const uint r = n; \
        ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) \
    }

void main()
{
    uvec2 each = phases();
    uint tiles = (p.band * grid().x * grid().y + 31) / 32, fours = (p.outs + 3) / 4, parts = (p.outs + ROWS - 1) / ROWS;
    uint lane = gl_SubgroupInvocationID, each4 = p.kh * p.kw * p.ins * VEC; // weights of four outputs
    uint begin = gl_WorkGroupID.x + gl_SubgroupID * groups(); // few tiles: one a workgroup
    for (uint i = begin; i < p.count; i += groups() * gl_NumSubgroups) {
        uint t = p.first + i, rest = t / tiles / (each.x * each.y);
        uint o = rest % parts * ROWS, g = rest / parts % p.sets;
        Pixels to = pixels(t % tiles * 8 + lane, t / tiles % (each.x * each.y), rest / parts / p.sets);
        uvec4 x0 = BEGIN(x) + (min(to.image, uvec4(p.batch - 1)) * p.sets + g) * p.ins * p.h * p.width;
        uint w_at[4];
        for (uint r = 0; r < 4; r++) {
            uint four = VEC == 4 ? o / 4 + r * 2 + lane / 4 : o / 4 + lane;
            w_at[r] = BEGIN(w) + (g * fours + min(four, fours - 1)) * each4 + (VEC == 4 ? lane % 4 : 0);
        }
        vec4 sum[ROWS];
        for (uint k = 0; k < ROWS; k++)
            sum[k] = vec4(0);
        for (uint ky = 0; ky < p.kh; ky++) {
            uvec4 sy;
            if (!meet(to.row, ky, p.kh, p.stride_y, p.pad_y, p.gap_y, sy)) // the same in all lanes
                continue;
            for (uint kx = 0; kx < p.kw; kx++) {
                uvec4 sx, at, channel;
                if (!meet(to.col, kx, p.kw, p.stride_x, p.pad_x, p.gap_x, sx))
                    continue;
                bvec4 inside = sources(x0, sy, sx, at, channel);
                uint wt = (ky * p.kw + kx) * p.ins * VEC;
                for (uint c = 0; c < p.ins; c++, at += channel, wt += VEC) {
#if VEC == 4
                    mat4 v = transpose(mat4(x[at.x], x[at.y], x[at.z], x[at.w]));
                    vec4 v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3], u[ROWS / 8];
                    for (uint r = 0; r < ROWS / 8; r++)
                        u[r] = w[w_at[r] + wt];
#else
                    vec4 v0 = mix(vec4(0), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), inside), u[1] = vec4[1](w[w_at[0] + wt]);
#endif
                    ROWS8(0) ROWS8(1) ROWS8(2) ROWS8(3)
                }
            }
        }
        bvec4 stored = real(to);
        uvec4 y_at = BEGIN(y) + ((to.image * p.sets + g) * p.outs * p.oh + to.row) * p.ow + to.col;
        for (uint n = o; n < min(o + ROWS, p.outs); n += 2) { // two at a time: code for each would be long
            for (uint j = 0; j < 2; j++) {
                float more = BIAS == 1 && n + j < p.outs ? AT(bias, g * p.outs + n + j) : 0.0;
                for (uint k = 0; k < 4; k++)
                    if (stored[k] && n + j < p.outs)
                        y[y_at[k] + (n + j) * p.oh * p.ow] = sum[j][k] + more;
            }
            for (uint j = 2; j < ROWS; j++)
                sum[j - 2] = sum[j];
        }
    }
}
