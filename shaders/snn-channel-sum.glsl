#version 450
// variants: vec4
// Channel gates of QKFormer: sums over the tokens of each sequence.  x (sequences, tokens, 2 D) holds q beside k.
// y (sequences, D): sums of q.  With GRAD sums of gy * k, the gradient of the gates, and the gradient of k, gy * gate,
// goes into the right half of gx.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint GRAD = 0;

READS(0, REAL, x);
READS(1, REAL, gy); // (sequences, tokens, D)
READS(2, REAL, gate); // (sequences, D)
WRITES(3, REAL, y);
WRITES(4, REAL, gx); // (sequences, tokens, 2 D)
layout(push_constant) uniform Push {
    OFFSETS(5); uint sequences; uint tokens; uint d;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.sequences * p.d; i += stride()) {
        uint row = i / p.d * p.tokens, c = i % p.d;
        REAL open = GRAD == 1 ? AT(gate, i) : REAL(0), sum = REAL(0);
        for (uint n = row; n < row + p.tokens; n++) {
            if (GRAD == 0) {
                sum += AT(x, n * 2 * p.d + c);
            } else {
                REAL g = AT(gy, n * p.d + c);
                sum += g * AT(x, n * 2 * p.d + p.d + c);
                AT(gx, n * 2 * p.d + p.d + c) = g * open;
            }
        }
        AT(y, i) = sum;
    }
}
