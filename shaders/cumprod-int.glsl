#version 450
// Running products of int32 along the middle axis of (outer, n, inner), one (outer, inner) an invocation.
#include "common.glsl"
#include "long.glsl"

READS(0, int, x);
WRITES(1, int, y);
layout(push_constant) uniform Push { OFFSETS(2); uint outer; uint n; uint inner; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.inner; i += stride()) {
        uint at = i / p.inner * p.n * p.inner + i % p.inner;
        int product = 1;
        for (uint k = 0; k < p.n; k++, at += p.inner) {
            product = times(product, AT(x, at));
            AT(y, at) = product;
        }
    }
}
