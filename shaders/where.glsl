#version 450
// z = c ? x : y, element by element.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer C { uint c[]; };
layout(std430, binding = 1) readonly buffer X { uint x[]; };
layout(std430, binding = 2) readonly buffer Y { uint y[]; };
layout(std430, binding = 3) writeonly buffer Z { uint z[]; };
layout(push_constant) uniform Push { uint c_at; uint x_at; uint y_at; uint z_at; uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        z[p.z_at + i] = c[p.c_at + i] != 0 ? x[p.x_at + i] : y[p.y_at + i];
}
