#version 450
// variants: vec4
// y = x * scale where a random number in [0, 1) is at least `drop`, else 0.  One Philox call for four neighbours:
// counter (i / 4, 0, draw), word i % 4.  `ticket` keeps key and draw, from which the gradient makes the same mask.
#include "common.glsl"
#include "vector.glsl"
#include "philox.glsl"
#include "control.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Control { uint control[]; };
layout(std430, binding = 2) writeonly buffer Ticket { uint ticket[]; }; // (4)
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; };
layout(push_constant) uniform Push {
    uint x_at; uint control_at; uint ticket_at; uint y_at;
    uint n; uint draw; float drop; float scale;
} p;

void main()
{
    uvec2 key = CONTROL_KEY(control, p.control_at);
    uvec2 number = draw_number(CONTROL_BASE(control, p.control_at), p.draw);
    if (gl_GlobalInvocationID.x == 0) {
        ticket[p.ticket_at] = key.x;
        ticket[p.ticket_at + 1] = key.y;
        ticket[p.ticket_at + 2] = number.x;
        ticket[p.ticket_at + 3] = number.y;
    }
    uint fours = (p.n * VEC + 3) / 4;
    for (uint i = gl_GlobalInvocationID.x; i < fours; i += stride()) {
        bvec4 keep = greaterThanEqual(philox_uniform(uvec4(i, 0, number), key), vec4(p.drop));
#if VEC == 4
        y[p.y_at + i] = mix(vec4(0.0), x[p.x_at + i] * p.scale, keep);
#else
        for (uint k = 0; k < 4 && 4 * i + k < p.n; k++)
            y[p.y_at + 4 * i + k] = keep[k] ? x[p.x_at + 4 * i + k] * p.scale : 0.0;
#endif
    }
}
