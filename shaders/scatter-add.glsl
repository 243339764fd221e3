#version 450
// The gradient of gather: gx (outer, n, inner) sums the gy whose index it was, in order, so bits never change.
// The entry `skip` gets none (-1: no such entry).
#include "common.glsl"

layout(constant_id = 1) const uint EACH = 0; // as in gather

READS(0, float, gy);
READS(1, int, pick);
WRITES(2, float, gx);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint k;
    int skip;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.n * p.inner; i += stride()) {
        uint inner = i % p.inner, outer = i / p.inner / p.n;
        int own = int(i / p.inner % p.n);
        float sum = 0.0;
        for (uint k = 0; k < p.k && own != p.skip; k++) {
            uint at = (outer * p.k + k) * p.inner + inner;
            int chosen = AT(pick, EACH == 1 ? at : k);
            if ((chosen < 0 ? chosen + int(p.n) : chosen) == own)
                sum += AT(gy, at);
        }
        AT(gx, i) = sum;
    }
}
