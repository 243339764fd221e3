#version 450
// Sums of int32 over the middle axis of (outer, n, inner), `parts` stretches of it apart: one an invocation.
// LONG_IN, LONG_OUT: numbers of 64 bits, all low words and then all high ones; else what does not fit is cut.
#include "common.glsl"
#include "long.glsl"

layout(constant_id = 1) const uint LONG_IN = 0;
layout(constant_id = 2) const uint LONG_OUT = 0;

READS(0, uint, x);
WRITES(1, uint, y); // (outer, parts, inner)
layout(push_constant) uniform Push { OFFSETS(2); uint outer; uint n; uint inner; uint parts; } p;

void main()
{
    uint length = (p.n + p.parts - 1) / p.parts, count = p.outer * p.parts * p.inner;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += stride()) {
        uint inner = i % p.inner, part = i / p.inner % p.parts, outer = i / p.inner / p.parts;
        uint first = part * length, last = min(p.n, first + length);
        uint at = BEGIN(x) + (outer * p.n + first) * p.inner + inner, high = p.outer * p.n * p.inner;
        uvec2 sum = uvec2(0);
        for (uint k = first; k < last; k++, at += p.inner)
            sum = plus(sum, LONG_IN == 1 ? uvec2(x[at], x[at + high]) : widened(x[at]));
        AT(y, i) = LONG_OUT == 1 ? sum.x : cut(sum);
        if (LONG_OUT == 1)
            AT(y, count + i) = sum.y;
    }
}
