#version 450
// variants: vec4
// The same input at every step: (n) -> (T, n).
#include "common.glsl"
#include "vector.glsl"

READS(0, COUNT, x); // (n); as bits, so that NaNs keep theirs
WRITES(1, COUNT, y); // (T, n)
layout(push_constant) uniform Push { OFFSETS(2); uint n; uint steps; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT value = AT(x, i);
        for (uint t = 0; t < p.steps; t++)
            AT(y, t * p.n + i) = value;
    }
}
