#version 450
// For each entry of (outer, n, inner), which of the k indices that name it comes last, counted from 1.
#include "common.glsl"

layout(constant_id = 1) const uint EACH = 0; // as in gather

READS(0, int, pick);
coherent CHANGES(1, uint, last); // 0 at first
layout(push_constant) uniform Push { OFFSETS(2); uint outer; uint n; uint inner; uint k; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.k * p.inner; i += stride()) {
        uint inner = i % p.inner, k = i / p.inner % p.k, outer = i / p.inner / p.k;
        int at = AT(pick, EACH == 1 ? i : k);
        at = at < 0 ? at + int(p.n) : at;
        if (at >= 0 && at < int(p.n))
            atomicMax(AT(last, (outer * p.n + uint(at)) * p.inner + inner), k + 1);
    }
}
