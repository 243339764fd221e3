#version 450
// variants: vec4
// y = f(x), one function by specialization; `a` and `b` are its parameters (slope, bounds, beta).
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"

layout(constant_id = 1) const uint OP = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) writeonly buffer Y { REAL y[]; };
layout(push_constant) uniform Push { uint x_at; uint y_at; uint n; float a; float b; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        y[p.y_at + i] = function(OP, x[p.x_at + i], p.a, p.b);
}
