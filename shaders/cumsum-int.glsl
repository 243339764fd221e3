#version 450
// Running sums of int32 as in cumsum.glsl; stretches' totals and starts are numbers of 64 bits, all low words first.
// LONG: so are x and y, which are totals themselves; else what does not fit is cut.
#include "common.glsl"
#include "long.glsl"

layout(constant_id = 1) const uint LONG = 0;
layout(constant_id = 2) const uint START = 0;
layout(constant_id = 3) const uint EXCLUSIVE = 0;
layout(constant_id = 4) const uint TOTALS = 0;

layout(std430, binding = 0) readonly buffer X { uint x[]; };
layout(std430, binding = 1) readonly buffer Start { uint start[]; }; // (outer, parts, inner)
layout(std430, binding = 2) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push {
    uint x_at; uint start_at; uint y_at;
    uint outer; uint n; uint inner; uint parts;
} p;

void main()
{
    uint length = (p.n + p.parts - 1) / p.parts, count = p.outer * p.parts * p.inner, all = p.outer * p.n * p.inner;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += stride()) {
        uint inner = i % p.inner, part = i / p.inner % p.parts, outer = i / p.inner / p.parts;
        uint first = min(p.n, part * length), last = min(p.n, first + length);
        uvec2 sum = uvec2(0);
        if (START == 1)
            sum = uvec2(start[p.start_at + i], start[p.start_at + count + i]);
        for (uint k = first; k < last; k++) {
            uint at = (outer * p.n + k) * p.inner + inner;
            uvec2 next = plus(sum, LONG == 1 ? uvec2(x[p.x_at + at], x[p.x_at + all + at]) : widened(x[p.x_at + at]));
            uvec2 now = EXCLUSIVE == 1 ? sum : next;
            if (TOTALS == 0)
                y[p.y_at + at] = LONG == 1 ? now.x : cut(now);
            if (TOTALS == 0 && LONG == 1)
                y[p.y_at + all + at] = now.y;
            sum = next;
        }
        if (TOTALS == 1) {
            y[p.y_at + i] = sum.x;
            y[p.y_at + count + i] = sum.y;
        }
    }
}
