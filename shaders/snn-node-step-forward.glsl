#version 450
// variants: vec4
// One step of spiking nodes that hear their own spikes, whose weighted sum is made elsewhere.
#include "common.glsl"
#include "vector.glsl"
#include "recurrent-node-forward.glsl"

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.units; i += stride())
        step_on(0, i, p.came == 0 ? REAL(0) : AT(prev, i));
}
