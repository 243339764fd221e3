#version 450
// One value wherever a mask is true, in place; `inner` elements for each of the mask.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer Mask { uint mask[]; };
layout(std430, binding = 1) readonly buffer Value { uint value[]; };
layout(std430, binding = 2) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push { uint mask_at; uint value_at; uint y_at; uint n; uint inner; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        if (mask[p.mask_at + i / p.inner] != 0)
            y[p.y_at + i] = value[p.value_at];
}
