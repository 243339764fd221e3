#version 450
// variants: vec4
// Channel gates of QKFormer: sums over the tokens of each sequence.  x (sequences, tokens, 2 D) holds q beside k.
// y (sequences, D): sums of q.  With GRAD sums of gy * k, the gradient of the gates, and the gradient of k, gy * gate,
// goes into the right half of gx.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint GRAD = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; }; // (sequences, tokens, D)
layout(std430, binding = 2) readonly buffer Gate { REAL gate[]; }; // (sequences, D)
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; };
layout(std430, binding = 4) writeonly buffer Gx { REAL gx[]; }; // (sequences, tokens, 2 D)
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint gate_at; uint y_at; uint gx_at;
    uint sequences; uint tokens; uint d;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.sequences * p.d; i += stride()) {
        uint row = i / p.d * p.tokens, c = i % p.d;
        REAL open = GRAD == 1 ? gate[p.gate_at + i] : REAL(0), sum = REAL(0);
        for (uint n = row; n < row + p.tokens; n++) {
            if (GRAD == 0) {
                sum += x[p.x_at + n * 2 * p.d + c];
            } else {
                REAL g = gy[p.gy_at + n * p.d + c];
                sum += g * x[p.x_at + n * 2 * p.d + p.d + c];
                gx[p.gx_at + n * 2 * p.d + p.d + c] = g * open;
            }
        }
        y[p.y_at + i] = sum;
    }
}
