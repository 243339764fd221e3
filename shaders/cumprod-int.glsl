#version 450
// Running products of int32 along the middle axis of (outer, n, inner), one (outer, inner) an invocation.
#include "common.glsl"
#include "long.glsl"

layout(std430, binding = 0) readonly buffer X { int x[]; };
layout(std430, binding = 1) writeonly buffer Y { int y[]; };
layout(push_constant) uniform Push { uint x_at; uint y_at; uint outer; uint n; uint inner; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.inner; i += stride()) {
        uint at = i / p.inner * p.n * p.inner + i % p.inner;
        int product = 1;
        for (uint k = 0; k < p.n; k++, at += p.inner) {
            product = times(product, x[p.x_at + at]);
            y[p.y_at + at] = product;
        }
    }
}
