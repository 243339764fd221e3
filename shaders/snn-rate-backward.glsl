#version 450
// variants: vec4
// Backpropagation through time of `snn-rate-forward`, from the potentials h that it kept.  The derivative of a spike,
// which is as high as the threshold, is the surrogate's at h / threshold - 1.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"

layout(std430, binding = 0) readonly buffer H { REAL h[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer Threshold { float threshold[]; }; // (1)
layout(std430, binding = 2) readonly buffer D { REAL d[]; }; // (T, n) the surrogate's derivative, where the host gives it
layout(std430, binding = 3) readonly buffer Gs { REAL gs[]; }; // (T, n) gradient of the spikes
layout(std430, binding = 4) readonly buffer Gend { REAL gend[]; }; // (n) of the last potential
layout(std430, binding = 5) buffer Gx { REAL gx[]; }; // (T, n), or (n): the sum over the steps
layout(std430, binding = 6) buffer Gv { REAL gv[]; }; // (n) of the first potential
layout(push_constant) uniform Push {
    uint h_at; uint threshold_at; uint d_at; uint gs_at; uint gend_at; uint gx_at; uint gv_at;
    uint n; uint steps;
    uint has_gend;
    float alpha; float beta;
} p;
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint SURROGATE = 1; // 0: d holds its values
layout(constant_id = 4) const uint DETACH = 0; // no gradient through the reset
layout(constant_id = 5) const uint HAS_GS = 1;
layout(constant_id = 6) const uint CONSTANT = 0; // x was the same at every step

void run(uint i, uint first, uint last)
{
    float height = threshold[p.threshold_at];
    REAL g = REAL(0), sum = REAL(0); // gradients of the potential and of a constant input
    if (last < p.steps) {
        g = gv[p.gv_at + i];
        if (CONSTANT == 1)
            sum = gx[p.gx_at + i];
    } else if (p.has_gend == 1)
        g = gend[p.gend_at + i];
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL slope = SURROGATE == 0 ? d[p.d_at + at] : surrogate(SURROGATE, h[p.h_at + at] / height - REAL(1), p.alpha, p.beta);
        REAL spike = HAS_GS == 1 ? gs[p.gs_at + at] : REAL(0);
        g += (DETACH == 1 ? spike : spike - g) * slope;
        if (CONSTANT == 1)
            sum += g;
        else
            gx[p.gx_at + at] = g;
    }
    if (CONSTANT == 1)
        gx[p.gx_at + i] = sum;
    gv[p.gv_at + i] = g;
}
#include "blocks.glsl"
