#version 450
// variants: vec4
// Puts the first n words of each step into a ring of steps, at a position that lies in device memory and so is right in
// replays.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { COUNT x[]; }; // (steps, every)
layout(std430, binding = 1) readonly buffer C { uint c[]; }; // cursor: where the next step goes
layout(std430, binding = 2) buffer Y { COUNT y[]; }; // (size, n)
layout(push_constant) uniform Push {
    uint x_at; uint c_at; uint y_at;
    uint n; uint every; uint steps; uint size;
} p;

void main()
{
    uint skip = p.steps > p.size ? p.steps - p.size : 0u; // of more steps than fit, the last ones
    for (uint i = gl_GlobalInvocationID.x; i < p.n * (p.steps - skip); i += stride()) {
        uint step = i / p.n + skip, k = i % p.n;
        y[p.y_at + (c[p.c_at] + step) % p.size * p.n + k] = x[p.x_at + step * p.every + k];
    }
}
