#version 450
// variants: vec4
// y = x @ weight^T + bias.  Each invocation keeps ROWS x 4 results in registers and walks the inputs once, in
// order, so a result depends neither on the batch around it nor on the group count.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint ROWS = 4; // rows of x an invocation
layout(constant_id = 2) const uint BAND = 8; // neighbouring invocations share weights over so many row tiles
layout(constant_id = 3) const uint BIAS = 0;

READS(0, REAL, x); // (rows, ins)
READS(1, REAL, weight); // (outs, ins)
READS(2, float, bias); // (outs)
WRITES(3, float, y); // (rows, outs)
layout(push_constant) uniform Push {
    OFFSETS(4); uint rows; uint ins; uint outs;
} p;

#if VEC == 4
#define DOT(a, b) dot(a, b)
#else
#define DOT(a, b) ((a) * (b))
#endif

void main()
{
    uint across = (p.outs + 3u) / 4u;
    uint bands = ((p.rows + ROWS - 1u) / ROWS + BAND - 1u) / BAND;
    for (uint i = gl_GlobalInvocationID.x; i < bands * BAND * across; i += stride()) {
        uint row = (i / (BAND * across) * BAND + i % BAND) * ROWS;
        uint out_ = i / BAND % across * 4u;
        uvec4 col = min(out_ + uvec4(0, 1, 2, 3), uvec4(p.outs - 1u)); // tiles at the edge repeat the last
        uvec4 w_at = BEGIN(weight) + col * p.ins;
        uint x_at[ROWS];
        vec4 sum[ROWS];
        for (uint r = 0; r < ROWS; r++) {
            x_at[r] = BEGIN(x) + min(row + r, p.rows - 1u) * p.ins;
            sum[r] = vec4(0);
        }
        for (uint k = 0; k < p.ins; k++) {
            REAL a = weight[w_at.x + k], b = weight[w_at.y + k], c = weight[w_at.z + k], d = weight[w_at.w + k];
            for (uint r = 0; r < ROWS; r++) {
                REAL v = x[x_at[r] + k];
                sum[r] += vec4(DOT(v, a), DOT(v, b), DOT(v, c), DOT(v, d));
            }
        }
        for (uint r = 0; r < ROWS && row + r < p.rows; r++)
            for (uint c = 0; c < 4 && out_ + c < p.outs; c++)
                AT(y, (row + r) * p.outs + out_ + c) = sum[r][c] + (BIAS == 1 ? AT(bias, out_ + c) : 0.0);
    }
}
