#version 450
// The raw words of the random generator, for chosen counters.
#include "common.glsl"
#include "philox.glsl"

layout(std430, binding = 0) readonly buffer Counter { uvec4 counter[]; };
layout(std430, binding = 1) writeonly buffer Y { uvec4 y[]; };
layout(push_constant) uniform Push { uint counter_at; uint y_at; uint n; uint key0; uint key1; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        y[p.y_at + i] = philox(counter[p.counter_at + i], uvec2(p.key0, p.key1));
}
