#version 450
// variants: vec4
// One step back through snn-node-step-forward: `later` is what came back by the weights, made elsewhere.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"
#include "recurrent-node-backward.glsl"

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.units; i += stride())
        step_back(0, i, (p.given & 2) == 0 ? REAL(0) : AT(later, i));
}
