#version 450
// variants: vec4
// Token gates of QKFormer: sums over each head's channels.  x (rows, 2 D) holds q beside k, D = heads * size; a row is a
// token.  y (rows, heads): sums of q.  With GRAD sums of gy * k, the gradient of the gates, and the gradient of k,
// gy * gate, goes into the right half of gx.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint GRAD = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; }; // (rows, D)
layout(std430, binding = 2) readonly buffer Gate { float gate[]; }; // (rows, heads)
layout(std430, binding = 3) writeonly buffer Y { float y[]; };
layout(std430, binding = 4) writeonly buffer Gx { REAL gx[]; }; // (rows, 2 D)
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint gate_at; uint y_at; uint gx_at;
    uint rows; uint heads; uint size;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.heads; i += stride()) {
        uint d = p.heads * p.size, row = i / p.heads, from = i % p.heads * p.size;
        float open = GRAD == 1 ? gate[p.gate_at + i] : 0.0;
        REAL sum = REAL(0);
        for (uint c = from; c < from + p.size; c++) {
            if (GRAD == 0) {
                sum += x[p.x_at + row * 2 * d + c];
            } else {
                REAL g = gy[p.gy_at + row * d + c];
                sum += g * x[p.x_at + row * 2 * d + d + c];
                gx[p.gx_at + row * 2 * d + d + c] = g * open;
            }
        }
#if VEC == 4
        y[p.y_at + i] = (sum.x + sum.y) + (sum.z + sum.w);
#else
        y[p.y_at + i] = sum;
#endif
    }
}
