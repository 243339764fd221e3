#version 450
// The first step of sorting rows: keys and places of runs of 16, sorted by insertion, one run an invocation.
#include "common.glsl"
#include "sort_keys.glsl"

layout(constant_id = 1) const uint REAL_NUMBERS = 1; // 0: int32
layout(constant_id = 2) const uint DESCENDING = 0;

layout(std430, binding = 0) readonly buffer X { uint x[]; }; // (rows, n)
layout(std430, binding = 1) buffer Key { uint key[]; };
layout(std430, binding = 2) buffer Place { uint place[]; };
layout(push_constant) uniform Push { uint x_at; uint key_at; uint place_at; uint rows; uint n; } p;

void main()
{
    uint runs = (p.n + RUN - 1) / RUN;
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * runs; i += stride()) {
        uint row = i / runs * p.n, first = i % runs * RUN, last = min(p.n, first + RUN);
        for (uint k = first; k < last; k++) {
            uint own = sort_key(x[p.x_at + row + k], REAL_NUMBERS == 1, DESCENDING == 1), at = k;
            for (; at > first && key[p.key_at + row + at - 1] > own; at--) {
                key[p.key_at + row + at] = key[p.key_at + row + at - 1];
                place[p.place_at + row + at] = place[p.place_at + row + at - 1];
            }
            key[p.key_at + row + at] = own;
            place[p.place_at + row + at] = k;
        }
    }
}
