#version 450
// The places of the true elements, in order, from the running count of them.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer Mask { uint mask[]; };
layout(std430, binding = 1) readonly buffer Count { uint count[]; }; // up to and with each element
layout(std430, binding = 2) writeonly buffer Place { int place[]; };
layout(push_constant) uniform Push { uint mask_at; uint count_at; uint place_at; uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        if (mask[p.mask_at + i] != 0)
            place[p.place_at + count[p.count_at + i] - 1] = int(i);
}
