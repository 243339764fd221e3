#version 450
// variants: vec4
// Exponential synapse over T steps, state in registers: a = a * decay + x, y = a.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer A0 { REAL a0[]; }; // (n) state before the first step
layout(std430, binding = 2) readonly buffer C0 { float c0[]; }; // (1) decay, where it is learnt
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; }; // (T, n)
layout(std430, binding = 4) buffer A { REAL a[]; }; // (n) state after the last step
layout(push_constant) uniform Push {
    uint x_at; uint a0_at; uint c0_at; uint y_at; uint a_at;
    uint n; uint steps;
    uint a_given; // a0 holds the first state, else it is 0
    float k0; // decay, where it is a number
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0;

void run(uint i, uint first, uint last)
{
    float decay = LEARN == 1 ? c0[p.c0_at] : p.k0;
    precise REAL now = REAL(0);
    if (first > 0)
        now = a[p.a_at + i];
    else if (p.a_given == 1)
        now = a0[p.a0_at + i];
    for (uint t = first; t < last; t++) {
        now = now * decay + x[p.x_at + t * p.n + i];
        y[p.y_at + t * p.n + i] = now;
    }
    a[p.a_at + i] = now;
}
#include "blocks.glsl"
