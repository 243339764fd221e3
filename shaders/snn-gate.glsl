#version 450
// variants: vec4
// Gates of QKFormer put to use: y (rows, D) = k * gate, k the right half of x (rows, 2 D).  Gates are (rows, heads), one
// for `size` channels (TOKEN), or (rows / tokens, D).  With GRAD they are gradients of sums over q, and go into the left
// half of y (rows, 2 D).
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint TOKEN = 1;
layout(constant_id = 2) const uint GRAD = 0;

READS(0, REAL, x);
READS(1, float, gate);
WRITES(2, REAL, y);
layout(push_constant) uniform Push { OFFSETS(3); uint rows; uint d; uint size; uint tokens; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.d; i += stride()) {
        uint row = i / p.d, c = i % p.d;
        REAL g = REAL(0);
        if (TOKEN == 1) {
            g = REAL(AT(gate, i / p.size));
        } else {
#if VEC == 4
            uint at = BEGIN(gate) + (row / p.tokens * p.d + c) * 4;
            g = vec4(gate[at], gate[at + 1], gate[at + 2], gate[at + 3]);
#else
            g = AT(gate, row / p.tokens * p.d + c);
#endif
        }
        if (GRAD == 1)
            AT(y, row * 2 * p.d + c) = g;
        else
            AT(y, i) = AT(x, row * 2 * p.d + p.d + c) * g;
    }
}
