#version 450
// variants: vec4
// Products of attention, C = scale * op(A) op(B), of heads where they lie in (.., tokens, 3 D): no copies to split them.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, a);
READS(1, REAL, b);
WRITES(2, float, c);
#include "attention-places.glsl"
#include "product.glsl"
