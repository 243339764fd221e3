#version 450
// Writes into (outer, n, inner) the last of the values (outer, k, inner) that is meant for each entry; see scatter-last.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer Last { uint last[]; };
layout(std430, binding = 1) readonly buffer Value { uint value[]; };
layout(std430, binding = 2) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push {
    uint last_at; uint value_at; uint y_at;
    uint outer; uint n; uint inner; uint k;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.n * p.inner; i += stride()) {
        uint inner = i % p.inner, outer = i / p.inner / p.n, from = last[p.last_at + i];
        if (from != 0)
            y[p.y_at + i] = value[p.value_at + (outer * p.k + from - 1) * p.inner + inner];
    }
}
