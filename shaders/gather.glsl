#version 450
// variants: vec4
// Picks along the middle axis of x (outer, n, inner) by index: y[o, k, i] = x[o, index, i].
// An index outside 0..n-1, as only tensors may hold, gives the bits `outside`.
#include "common.glsl"
#include "vector.glsl"
#include "divided.glsl"

layout(constant_id = 1) const uint EACH = 0; // 0: one index for every k; 1: one for every (o, k, i), not by fours

READS(0, COUNT, x);
READS(1, int, pick);
WRITES(2, COUNT, y);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint k; uint outside;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.k * p.inner; i += stride()) {
        uvec2 inner = divided(i, p.inner), k = divided(inner.x, p.k);
        int at = AT(pick, EACH == 1 ? i : k.y);
        at = at < 0 ? at + int(p.n) : at;
        bool valid = at >= 0 && at < int(p.n);
        AT(y, i) = valid ? AT(x, (k.x * p.n + uint(at)) * p.inner + inner.y) : COUNT(p.outside);
    }
}
