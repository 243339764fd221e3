#version 450
// variants: vec4
// Gates of QKFormer put to use: y (rows, D) = k * gate, k the right half of x (rows, 2 D).  Gates are (rows, heads), one
// for `size` channels (TOKEN), or (rows / tokens, D).  With GRAD they are gradients of sums over q, and go into the left
// half of y (rows, 2 D).
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint TOKEN = 1;
layout(constant_id = 2) const uint GRAD = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gate { float gate[]; };
layout(std430, binding = 2) writeonly buffer Y { REAL y[]; };
layout(push_constant) uniform Push { uint x_at; uint gate_at; uint y_at; uint rows; uint d; uint size; uint tokens; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.d; i += stride()) {
        uint row = i / p.d, c = i % p.d;
        REAL g = REAL(0);
        if (TOKEN == 1) {
            g = REAL(gate[p.gate_at + i / p.size]);
        } else {
#if VEC == 4
            uint at = p.gate_at + (row / p.tokens * p.d + c) * 4;
            g = vec4(gate[at], gate[at + 1], gate[at + 2], gate[at + 3]);
#else
            g = gate[p.gate_at + row / p.tokens * p.d + c];
#endif
        }
        if (GRAD == 1)
            y[p.y_at + row * 2 * p.d + c] = g;
        else
            y[p.y_at + i] = x[p.x_at + row * 2 * p.d + p.d + c] * g;
    }
}
