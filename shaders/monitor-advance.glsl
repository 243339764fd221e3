#version 450
// Moves a ring's cursor on: next place, steps that the ring holds, and steps ever put in as two words.
#include "common.glsl"

CHANGES(0, uint, c);
layout(push_constant) uniform Push { OFFSETS(1); uint steps; uint size; } p;

void main()
{
    if (gl_GlobalInvocationID.x > 0)
        return;
    AT(c, 0) = (AT(c, 0) + p.steps) % p.size;
    AT(c, 1) = min(AT(c, 1) + p.steps, p.size);
    uint carry;
    AT(c, 2) = uaddCarry(AT(c, 2), p.steps, carry);
    AT(c, 3) += carry;
}
