#version 450
// The first step of sorting rows: keys and places of runs of 16, sorted by insertion, one run an invocation.
#include "common.glsl"
#include "sort_keys.glsl"

layout(constant_id = 1) const uint REAL_NUMBERS = 1; // 0: int32
layout(constant_id = 2) const uint DESCENDING = 0;

READS(0, uint, x); // (rows, n)
CHANGES(1, uint, key);
CHANGES(2, uint, place);
layout(push_constant) uniform Push { OFFSETS(3); uint rows; uint n; } p;

void main()
{
    uint runs = (p.n + RUN - 1) / RUN;
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * runs; i += stride()) {
        uint row = i / runs * p.n, first = i % runs * RUN, last = min(p.n, first + RUN);
        for (uint k = first; k < last; k++) {
            uint own = sort_key(AT(x, row + k), REAL_NUMBERS == 1, DESCENDING == 1), at = k;
            for (; at > first && AT(key, row + at - 1) > own; at--) {
                AT(key, row + at) = AT(key, row + at - 1);
                AT(place, row + at) = AT(place, row + at - 1);
            }
            AT(key, row + at) = own;
            AT(place, row + at) = k;
        }
    }
}
