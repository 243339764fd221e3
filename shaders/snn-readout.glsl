#version 450
// variants: vec4
// The temporal half of a read-out: scale * sum over t of decay^(T-1-t) * s_t, a leaky integrator's last potential.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, s); // (T, n)
CHANGES(1, REAL, y); // (n)
layout(push_constant) uniform Push {
    OFFSETS(2); uint n; uint start; uint steps; float decay; float scale;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise REAL sum = p.start == 0 ? REAL(0.0) : AT(y, i);
        for (uint t = 0; t < p.steps; t++)
            sum = sum * p.decay + p.scale * AT(s, t * p.n + i);
        AT(y, i) = sum;
    }
}
