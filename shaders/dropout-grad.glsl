#version 450
// variants: vec4
// Gradient of dropout: the mask made again from the forward call's key and draw.
#include "common.glsl"
#include "vector.glsl"
#include "philox.glsl"

layout(std430, binding = 0) readonly buffer Gy { REAL gy[]; };
layout(std430, binding = 1) readonly buffer Ticket { uint ticket[]; }; // (4)
layout(std430, binding = 2) writeonly buffer Gx { REAL gx[]; };
layout(push_constant) uniform Push { uint gy_at; uint ticket_at; uint gx_at; uint n; float drop; float scale; } p;

void main()
{
    uvec2 key = uvec2(ticket[p.ticket_at], ticket[p.ticket_at + 1]);
    uvec2 number = uvec2(ticket[p.ticket_at + 2], ticket[p.ticket_at + 3]);
    uint fours = (p.n * VEC + 3) / 4;
    for (uint i = gl_GlobalInvocationID.x; i < fours; i += stride()) {
        bvec4 keep = greaterThanEqual(philox_uniform(uvec4(i, 0, number), key), vec4(p.drop));
#if VEC == 4
        gx[p.gx_at + i] = mix(vec4(0.0), gy[p.gy_at + i] * p.scale, keep);
#else
        for (uint k = 0; k < 4 && 4 * i + k < p.n; k++)
            gx[p.gx_at + 4 * i + k] = keep[k] ? gy[p.gy_at + 4 * i + k] * p.scale : 0.0;
#endif
    }
}
