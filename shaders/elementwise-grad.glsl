#version 450
// variants: vec4
// gx = gy * f'(x): the derivative that belongs to elementwise-unary, from its input or its result.
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"

layout(constant_id = 1) const uint OP = 0;

READS(0, REAL, x);
READS(1, REAL, gy);
WRITES(2, REAL, gx);
layout(push_constant) uniform Push { OFFSETS(3); uint n; float a; float b; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(gx, i) = pulled(OP, AT(gy, i), AT(x, i), p.a, p.b);
}
