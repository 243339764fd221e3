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
layout(push_constant) uniform Push {
    uint a_at; uint b_at; uint bias_at; uint c_at;
    uint batch; uint m; uint n; uint k; // sizes in elements
    uint a_batch; uint b_batch; // elements between batches; 0 repeats
} p;

#define A_ROW (FORM == 2 ? p.m : p.k)
#define B_ROW (FORM == 1 ? p.k : p.n)
#define C_ROW p.n
#define A_START(batch) ((batch) * p.a_batch)
#define B_START(batch) ((batch) * p.b_batch)
#define C_START(batch) ((batch) * p.m * p.n)
#define DONE(sum, col) ((sum) + (BIAS == 1 ? bias[p.bias_at + (col)] : 0.0))
#include "product.glsl"
