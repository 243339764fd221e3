#version 450
// Picks along the middle axis of x (outer, n, inner) by index: y[o, k, i] = x[o, index, i].
// An index outside 0..n-1, as only tensors may hold, gives the bits `outside`.
#include "common.glsl"

layout(constant_id = 1) const uint EACH = 0; // 0: one index for every k; 1: one for every (o, k, i)

READS(0, uint, x);
READS(1, int, pick);
WRITES(2, uint, y);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint k; uint outside;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.k * p.inner; i += stride()) {
        uint inner = i % p.inner, k = i / p.inner % p.k, outer = i / p.inner / p.k;
        int at = AT(pick, EACH == 1 ? i : k);
        at = at < 0 ? at + int(p.n) : at;
        bool valid = at >= 0 && at < int(p.n);
        AT(y, i) = valid ? AT(x, (outer * p.n + uint(at)) * p.inner + inner) : p.outside;
    }
}
