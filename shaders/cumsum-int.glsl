#version 450
// Running sums of int32 as in cumsum.glsl; stretches' totals and starts are numbers of 64 bits, all low words first.
// LONG: so are x and y, which are totals themselves; else what does not fit is cut.
#include "common.glsl"
#include "long.glsl"

layout(constant_id = 1) const uint LONG = 0;
layout(constant_id = 2) const uint START = 0;
layout(constant_id = 3) const uint EXCLUSIVE = 0;
layout(constant_id = 4) const uint TOTALS = 0;

READS(0, uint, x);
READS(1, uint, start); // (outer, parts, inner)
WRITES(2, uint, y);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint parts;
} p;

void main()
{
    uint length = (p.n + p.parts - 1) / p.parts, count = p.outer * p.parts * p.inner, all = p.outer * p.n * p.inner;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += stride()) {
        uint inner = i % p.inner, part = i / p.inner % p.parts, outer = i / p.inner / p.parts;
        uint first = min(p.n, part * length), last = min(p.n, first + length);
        uvec2 sum = uvec2(0);
        if (START == 1)
            sum = uvec2(AT(start, i), AT(start, count + i));
        for (uint k = first; k < last; k++) {
            uint at = (outer * p.n + k) * p.inner + inner;
            uvec2 next = plus(sum, LONG == 1 ? uvec2(AT(x, at), AT(x, all + at)) : widened(AT(x, at)));
            uvec2 now = EXCLUSIVE == 1 ? sum : next;
            if (TOTALS == 0)
                AT(y, at) = LONG == 1 ? now.x : cut(now);
            if (TOTALS == 0 && LONG == 1)
                AT(y, all + at) = now.y;
            sum = next;
        }
        if (TOTALS == 1) {
            AT(y, i) = sum.x;
            AT(y, count + i) = sum.y;
        }
    }
}
