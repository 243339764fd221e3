#version 450
// variants: vec4
// Batched C = op(A) op(B) + bias, op = identity or transpose; the matrices are contiguous.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 4) const uint BIAS = 0;

layout(std430, binding = 0) readonly buffer A { REAL a[]; };
layout(std430, binding = 1) readonly buffer B { REAL b[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; }; // (n), added to every row
layout(std430, binding = 3) writeonly buffer C { float c[]; };
#include "matmul-places.glsl"
#define DONE(sum, col) ((sum) + (BIAS == 1 ? bias[p.bias_at + (col)] : 0.0))
#include "product.glsl"
