#version 450
// Moves a ring's cursor on: next place, steps that the ring holds, and steps ever put in as two words.
#include "common.glsl"

layout(std430, binding = 0) buffer C { uint c[]; };
layout(push_constant) uniform Push { uint c_at; uint steps; uint size; } p;

void main()
{
    if (gl_GlobalInvocationID.x > 0)
        return;
    c[p.c_at] = (c[p.c_at] + p.steps) % p.size;
    c[p.c_at + 1] = min(c[p.c_at + 1] + p.steps, p.size);
    uint carry;
    c[p.c_at + 2] = uaddCarry(c[p.c_at + 2], p.steps, carry);
    c[p.c_at + 3] += carry;
}
