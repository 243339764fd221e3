#version 450
// variants: vec4
// y = x * scale where a random number in [0, 1) is at least `drop`, else 0.  One Philox call for four neighbours:
// counter (i / 4, 0, draw), word i % 4.  `ticket` keeps key and draw, from which the gradient makes the same mask.
#include "common.glsl"
#include "vector.glsl"
#include "philox.glsl"
#include "control.glsl"

READS(0, REAL, x);
READS(1, uint, control);
WRITES(2, uint, ticket); // (4)
WRITES(3, REAL, y);
layout(push_constant) uniform Push {
    OFFSETS(4); uint n; uint draw; float drop; float scale;
} p;

void main()
{
    uvec2 key = CONTROL_KEY;
    uvec2 number = draw_number(CONTROL_BASE, p.draw);
    if (gl_GlobalInvocationID.x == 0) {
        AT(ticket, 0) = key.x;
        AT(ticket, 1) = key.y;
        AT(ticket, 2) = number.x;
        AT(ticket, 3) = number.y;
    }
    uint fours = (p.n * VEC + 3) / 4;
    for (uint i = gl_GlobalInvocationID.x; i < fours; i += stride()) {
        bvec4 keep = greaterThanEqual(philox_uniform(uvec4(i, 0, number), key), vec4(p.drop));
#if VEC == 4
        AT(y, i) = mix(vec4(0.0), AT(x, i) * p.scale, keep);
#else
        for (uint k = 0; k < 4 && 4 * i + k < p.n; k++)
            AT(y, 4 * i + k) = keep[k] ? AT(x, 4 * i + k) * p.scale : 0.0;
#endif
    }
}
