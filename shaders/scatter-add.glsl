#version 450
// variants: vec4
// The gradient of gather: gx (outer, n, inner) sums the gy whose index it was, in order, so bits never change.
// The entry `skip` gets none (-1: no such entry).
#include "common.glsl"
#include "vector.glsl"
#include "divided.glsl"

layout(constant_id = 1) const uint EACH = 0; // as in gather

READS(0, REAL, gy);
READS(1, int, pick);
WRITES(2, REAL, gx);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint k;
    int skip;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.n * p.inner; i += stride()) {
        uvec2 inner = divided(i, p.inner), entry = divided(inner.x, p.n);
        int own = int(entry.y);
        REAL sum = REAL(0);
        for (uint k = 0; k < p.k && own != p.skip; k++) {
            uint at = (entry.x * p.k + k) * p.inner + inner.y;
            int chosen = AT(pick, EACH == 1 ? at : k);
            if ((chosen < 0 ? chosen + int(p.n) : chosen) == own)
                sum += AT(gy, at);
        }
        AT(gx, i) = sum;
    }
}
