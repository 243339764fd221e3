#version 450
// variants: vec4
// gx = gy * f'(x): the derivative that belongs to elementwise-unary, from its input or its result.
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"

layout(constant_id = 1) const uint OP = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; };
layout(std430, binding = 2) writeonly buffer Gx { REAL gx[]; };
layout(push_constant) uniform Push { uint x_at; uint gy_at; uint gx_at; uint n; float a; float b; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        gx[p.gx_at + i] = pulled(OP, gy[p.gy_at + i], x[p.x_at + i], p.a, p.b);
}
