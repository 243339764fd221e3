#version 450
// variants: vec4
// Token gates of QKFormer: sums over each head's channels.  x (rows, 2 D) holds q beside k, D = heads * size; a row is a
// token.  y (rows, heads): sums of q.  With GRAD sums of gy * k, the gradient of the gates, and the gradient of k,
// gy * gate, goes into the right half of gx.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint GRAD = 0;

READS(0, REAL, x);
READS(1, REAL, gy); // (rows, D)
READS(2, float, gate); // (rows, heads)
WRITES(3, float, y);
WRITES(4, REAL, gx); // (rows, 2 D)
layout(push_constant) uniform Push {
    OFFSETS(5); uint rows; uint heads; uint size;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.heads; i += stride()) {
        uint d = p.heads * p.size, row = i / p.heads, from = i % p.heads * p.size;
        float open = GRAD == 1 ? AT(gate, i) : 0.0;
        REAL sum = REAL(0);
        for (uint c = from; c < from + p.size; c++) {
            if (GRAD == 0) {
                sum += AT(x, row * 2 * d + c);
            } else {
                REAL g = AT(gy, row * d + c);
                sum += g * AT(x, row * 2 * d + d + c);
                AT(gx, row * 2 * d + d + c) = g * open;
            }
        }
#if VEC == 4
        AT(y, i) = (sum.x + sum.y) + (sum.z + sum.w);
#else
        AT(y, i) = sum;
#endif
    }
}
