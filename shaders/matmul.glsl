#version 450
// variants: vec4
// Batched C = op(A) op(B) + bias, op = identity or transpose; the matrices are contiguous.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 4) const uint BIAS = 0;

READS(0, REAL, a);
READS(1, REAL, b);
READS(2, float, bias); // (n), added to every row
WRITES(3, float, c);
#include "matmul-places.glsl"
#define DONE(sum, col) ((sum) + (BIAS == 1 ? AT(bias, col) : 0.0))
#include "product.glsl"
