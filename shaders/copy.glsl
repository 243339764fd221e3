#version 450
// variants: vec4
// Copies words from one segment to another: the way in and out of memory that the host cannot see.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer Src { COUNT src[]; };
layout(std430, binding = 1) writeonly buffer Dst { COUNT dst[]; };
layout(push_constant) uniform Push { uint src_at; uint dst_at; uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        dst[p.dst_at + i] = src[p.src_at + i];
}
