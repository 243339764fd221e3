#version 450
// Writes into (outer, n, inner) the last of the values (outer, k, inner) that is meant for each entry; see scatter-last.
#include "common.glsl"

READS(0, uint, last);
READS(1, uint, value);
WRITES(2, uint, y);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint k;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.n * p.inner; i += stride()) {
        uint inner = i % p.inner, outer = i / p.inner / p.n, from = AT(last, i);
        if (from != 0)
            AT(y, i) = AT(value, (outer * p.k + from - 1) * p.inner + inner);
    }
}
