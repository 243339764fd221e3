#version 450
// The last dispatch of every submit: counts the ticket up, so that the host knows that the work was done,
// and advances the random base past the draws of this submit.
#include "common.glsl"

layout(std430, binding = 0) buffer Control { uint control[]; }; // control.glsl names the words
layout(push_constant) uniform Push { uint draws; } p;

void main()
{
    if (gl_GlobalInvocationID.x != 0)
        return;
    control[0] += 1u;
    uint carry;
    control[3] = uaddCarry(control[3], p.draws, carry);
    control[4] += carry;
}
