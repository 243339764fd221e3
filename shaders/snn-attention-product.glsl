#version 450
// variants: vec4
// Products of attention, C = scale * op(A) op(B), of heads where they lie in (.., tokens, 3 D): no copies to split them.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer A { REAL a[]; };
layout(std430, binding = 1) readonly buffer B { REAL b[]; };
layout(std430, binding = 2) writeonly buffer C { float c[]; };
#include "attention-places.glsl"
#include "product.glsl"
