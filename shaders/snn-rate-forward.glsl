#version 450
// variants: vec4
// What stands for a ReLU in a converted network, over T steps: add the input up, fire at the threshold, subtract it.
// A spike is as high as the threshold, so that the mean over time is near the ReLU of the mean input.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x); // (T, n), or (n) that is the same at every step
READS(1, float, threshold); // (1)
READS(2, REAL, v0); // (n)
WRITES(3, REAL, s); // (T, n) 0 or the threshold
WRITES(4, REAL, h); // (T, n) potentials before the spike
CHANGES(5, REAL, v); // (n) potential after the last step
layout(push_constant) uniform Push {
    OFFSETS(6); uint n; uint steps;
    uint x_step; // from one step of x to the next: n or 0
    uint given; // v0 holds the first potential, else it is the share `start` of the threshold
    float start;
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint STORE_H = 0;

void run(uint i, uint first, uint last)
{
    float height = AT(threshold, 0);
    REAL v_now = REAL(p.start * height);
    if (first > 0)
        v_now = AT(v, i);
    else if (p.given == 1)
        v_now = AT(v0, i);
    for (uint t = first; t < last; t++) {
        precise REAL h_now = v_now + AT(x, t * p.x_step + i);
        REAL spike = height * REAL(AT_LEAST(h_now, REAL(height)));
        precise REAL left = h_now - spike;
        v_now = left;
        AT(s, t * p.n + i) = spike;
        if (STORE_H == 1)
            AT(h, t * p.n + i) = h_now;
    }
    AT(v, i) = v_now;
}
#include "blocks.glsl"
