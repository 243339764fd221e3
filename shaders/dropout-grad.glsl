#version 450
// variants: vec4
// Gradient of dropout: the mask made again from the forward call's key and draw.
#include "common.glsl"
#include "vector.glsl"
#include "philox.glsl"

READS(0, REAL, gy);
READS(1, uint, ticket); // (4)
WRITES(2, REAL, gx);
layout(push_constant) uniform Push { OFFSETS(3); uint n; float drop; float scale; } p;

void main()
{
    uvec2 key = uvec2(AT(ticket, 0), AT(ticket, 1));
    uvec2 number = uvec2(AT(ticket, 2), AT(ticket, 3));
    uint fours = (p.n * VEC + 3) / 4;
    for (uint i = gl_GlobalInvocationID.x; i < fours; i += stride()) {
        bvec4 keep = greaterThanEqual(philox_uniform(uvec4(i, 0, number), key), vec4(p.drop));
#if VEC == 4
        AT(gx, i) = mix(vec4(0.0), AT(gy, i) * p.scale, keep);
#else
        for (uint k = 0; k < 4 && 4 * i + k < p.n; k++)
            AT(gx, 4 * i + k) = keep[k] ? AT(gy, 4 * i + k) * p.scale : 0.0;
#endif
    }
}
