#version 450
// variants: vec4
// Backpropagation through time of `snn-rate-forward`, from the potentials h that it kept.  The derivative of a spike,
// which is as high as the threshold, is the surrogate's at h / threshold - 1.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"

READS(0, REAL, h); // (T, n)
READS(1, float, threshold); // (1)
READS(2, REAL, d); // (T, n) the surrogate's derivative, where the host gives it
READS(3, REAL, gs); // (T, n) gradient of the spikes
READS(4, REAL, gend); // (n) of the last potential
CHANGES(5, REAL, gx); // (T, n), or (n): the sum over the steps
CHANGES(6, REAL, gv); // (n) of the first potential
layout(push_constant) uniform Push {
    OFFSETS(7); uint n; uint steps;
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
    float height = AT(threshold, 0);
    REAL g = REAL(0), sum = REAL(0); // gradients of the potential and of a constant input
    if (last < p.steps) {
        g = AT(gv, i);
        if (CONSTANT == 1)
            sum = AT(gx, i);
    } else if (p.has_gend == 1)
        g = AT(gend, i);
    for (uint t = last; t-- > first;) {
        uint at = t * p.n + i;
        REAL slope = SURROGATE == 0 ? AT(d, at) : surrogate(SURROGATE, AT(h, at) / height - REAL(1), p.alpha, p.beta);
        REAL spike = HAS_GS == 1 ? AT(gs, at) : REAL(0);
        g += (DETACH == 1 ? spike : spike - g) * slope;
        if (CONSTANT == 1)
            sum += g;
        else
            AT(gx, at) = g;
    }
    if (CONSTANT == 1)
        AT(gx, i) = sum;
    AT(gv, i) = g;
}
#include "blocks.glsl"
