#version 450
// Running sums along the middle axis of (outer, n, inner), in `parts` stretches: one (outer, part, inner) an invocation.
// A stretch starts at `start` of its part (START), skips its own element (EXCLUSIVE), or only gives its total (TOTALS).
// What rounding takes off a sum is summed beside it (D. E. Knuth, The Art of Computer Programming 2, 4.2.2).
#include "common.glsl"
layout(constant_id = 1) const uint REVERSE = 0;
layout(constant_id = 2) const uint START = 0;
layout(constant_id = 3) const uint EXCLUSIVE = 0;
layout(constant_id = 4) const uint TOTALS = 0;

READS(0, float, x);
READS(1, float, start); // (outer, parts, inner)
WRITES(2, float, y);
layout(push_constant) uniform Push {
    OFFSETS(3); uint outer; uint n; uint inner; uint parts;
} p;

const float LARGEST = 3.4028235e38;

void main()
{
    uint length = (p.n + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.parts * p.inner; i += stride()) {
        uint inner = i % p.inner, part = i / p.inner % p.parts, outer = i / p.inner / p.parts;
        uint first = min(p.n, part * length), last = min(p.n, first + length);
        precise float sum = START == 1 ? AT(start, i) : 0.0, rest = 0.0, before = sum;
        for (uint k = first; k < last; k++) {
            uint at = (outer * p.n + (REVERSE == 1 ? p.n - 1 - k : k)) * p.inner + inner;
            precise float v = AT(x, at), next = sum + v, added = next - sum;
            rest += (sum - (next - added)) + (v - added);
            rest = abs(next) <= LARGEST ? rest : 0.0; // nothing is left of infinity
            sum = next;
            precise float whole = sum + rest;
            if (TOTALS == 0)
                AT(y, at) = EXCLUSIVE == 1 ? before : whole;
            before = whole;
        }
        if (TOTALS == 1)
            AT(y, i) = before;
    }
}
