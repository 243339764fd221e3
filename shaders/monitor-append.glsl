#version 450
// variants: vec4
// Puts the first n words of each step into a ring of steps, at a position that lies in device memory and so is right in
// replays.
#include "common.glsl"
#include "vector.glsl"

READS(0, COUNT, x); // (steps, every)
READS(1, uint, c); // cursor: where the next step goes
CHANGES(2, COUNT, y); // (size, n)
layout(push_constant) uniform Push {
    OFFSETS(3); uint n; uint every; uint steps; uint size;
} p;

void main()
{
    uint skip = p.steps > p.size ? p.steps - p.size : 0u; // of more steps than fit, the last ones
    for (uint i = gl_GlobalInvocationID.x; i < p.n * (p.steps - skip); i += stride()) {
        uint step = i / p.n + skip, k = i % p.n;
        AT(y, (AT(c, 0) + step) % p.size * p.n + k) = AT(x, step * p.every + k);
    }
}
