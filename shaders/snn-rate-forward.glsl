#version 450
// variants: vec4
// What stands for a ReLU in a converted network, over T steps: add the input up, fire at the threshold, subtract it.
// A spike is as high as the threshold, so that the mean over time is near the ReLU of the mean input.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n), or (n) that is the same at every step
layout(std430, binding = 1) readonly buffer Threshold { float threshold[]; }; // (1)
layout(std430, binding = 2) readonly buffer V0 { REAL v0[]; }; // (n)
layout(std430, binding = 3) writeonly buffer S { REAL s[]; }; // (T, n) 0 or the threshold
layout(std430, binding = 4) writeonly buffer H { REAL h[]; }; // (T, n) potentials before the spike
layout(std430, binding = 5) buffer V { REAL v[]; }; // (n) potential after the last step
layout(push_constant) uniform Push {
    uint x_at; uint threshold_at; uint v0_at; uint s_at; uint h_at; uint v_at;
    uint n; uint steps;
    uint x_step; // from one step of x to the next: n or 0
    uint given; // v0 holds the first potential, else it is the share `start` of the threshold
    float start;
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint STORE_H = 0;

void run(uint i, uint first, uint last)
{
    float height = threshold[p.threshold_at];
    REAL v_now = REAL(p.start * height);
    if (first > 0)
        v_now = v[p.v_at + i];
    else if (p.given == 1)
        v_now = v0[p.v0_at + i];
    for (uint t = first; t < last; t++) {
        precise REAL h_now = v_now + x[p.x_at + t * p.x_step + i];
        REAL spike = height * REAL(AT_LEAST(h_now, REAL(height)));
        precise REAL left = h_now - spike;
        v_now = left;
        s[p.s_at + t * p.n + i] = spike;
        if (STORE_H == 1)
            h[p.h_at + t * p.n + i] = h_now;
    }
    v[p.v_at + i] = v_now;
}
#include "blocks.glsl"
