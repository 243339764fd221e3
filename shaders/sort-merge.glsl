#version 450
// Merges neighbouring sorted runs of rows: each element finds its place by how many of the other run come before it.
// Equal keys keep their order, so the sort is stable.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer Key { uint key[]; }; // (rows, n)
layout(std430, binding = 1) readonly buffer Place { uint place[]; };
layout(std430, binding = 2) writeonly buffer To { uint to[]; };
layout(std430, binding = 3) writeonly buffer Went { uint went[]; };
layout(push_constant) uniform Push {
    uint key_at; uint place_at; uint to_at; uint went_at;
    uint rows; uint n; uint run;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint row = i / p.n * p.n, k = i % p.n, own = key[p.key_at + i];
        uint pair = k / (2 * p.run) * 2 * p.run;
        bool left = k < pair + p.run;
        uint begin = min(p.n, left ? pair + p.run : pair), low = begin;
        uint high = min(p.n, left ? pair + 2 * p.run : pair + p.run);
        while (low < high) {
            uint middle = (low + high) / 2, other = key[p.key_at + row + middle];
            if (left ? other < own : other <= own)
                low = middle + 1;
            else
                high = middle;
        }
        uint at = row + pair + (left ? k - pair : k - pair - p.run) + low - begin;
        to[p.to_at + at] = own;
        went[p.went_at + at] = place[p.place_at + i];
    }
}
