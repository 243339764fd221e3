#version 450
// variants: vec4
// y = f(x), one function by specialization; `a` and `b` are its parameters (slope, bounds, beta).
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"

layout(constant_id = 1) const uint OP = 0;

READS(0, REAL, x);
WRITES(1, REAL, y);
layout(push_constant) uniform Push { OFFSETS(2); uint n; float a; float b; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        AT(y, i) = function(OP, AT(x, i), p.a, p.b);
}
