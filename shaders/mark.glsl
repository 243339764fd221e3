#version 450
// The last dispatch of a submit in which random numbers were drawn: advances the random base past them.
#include "common.glsl"

CHANGES(0, uint, control); // control.glsl names the words
layout(push_constant) uniform Push { uint draws; } p;

void main()
{
    if (gl_GlobalInvocationID.x != 0)
        return;
    uint carry;
    control[3] = uaddCarry(control[3], p.draws, carry);
    control[4] += carry;
}
