#version 450
// variants: vec4
// The temporal half of a read-out: scale * sum over t of decay^(T-1-t) * s_t, a leaky integrator's last potential.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer S { REAL s[]; }; // (T, n)
layout(std430, binding = 1) buffer Y { REAL y[]; }; // (n)
layout(push_constant) uniform Push {
    uint s_at; uint y_at;
    uint n; uint start; uint steps; float decay; float scale;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise REAL sum = p.start == 0 ? REAL(0.0) : y[p.y_at + i];
        for (uint t = 0; t < p.steps; t++)
            sum = sum * p.decay + p.scale * s[p.s_at + t * p.n + i];
        y[p.y_at + i] = sum;
    }
}
