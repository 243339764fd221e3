#version 450
// Merges neighbouring sorted runs of rows: each element finds its place by how many of the other run come before it.
// Equal keys keep their order, so the sort is stable.
#include "common.glsl"

READS(0, uint, key); // (rows, n)
READS(1, uint, place);
WRITES(2, uint, to);
WRITES(3, uint, went);
layout(push_constant) uniform Push {
    OFFSETS(4); uint rows; uint n; uint run;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint row = i / p.n * p.n, k = i % p.n, own = AT(key, i);
        uint pair = k / (2 * p.run) * 2 * p.run;
        bool left = k < pair + p.run;
        uint begin = min(p.n, left ? pair + p.run : pair), low = begin;
        uint high = min(p.n, left ? pair + 2 * p.run : pair + p.run);
        while (low < high) {
            uint middle = (low + high) / 2, other = AT(key, row + middle);
            if (left ? other < own : other <= own)
                low = middle + 1;
            else
                high = middle;
        }
        uint at = row + pair + (left ? k - pair : k - pair - p.run) + low - begin;
        AT(to, at) = own;
        AT(went, at) = AT(place, i);
    }
}
