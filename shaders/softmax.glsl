#version 450
// Softmax, or its logarithm, over the middle axis of (outer, n, inner), shifted by the maximum.
#include "common.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint LOG = 0;
#include "team.glsl"

READS(0, float, x);
WRITES(1, float, y);
layout(push_constant) uniform Push { OFFSETS(2); uint rows; uint n; uint inner; } p;

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        uint at = row / p.inner * p.n * p.inner + row % p.inner;
        uint from = BEGIN(x) + at, to = BEGIN(y) + at;
        float high = uintBitsToFloat(0xFF800000u); // -Inf
        for (uint i = lane(); i < p.n; i += lanes())
            high = max(high, x[from + i * p.inner]);
        float top = team_max(high);
        float sum = 0.0;
        for (uint i = lane(); i < p.n; i += lanes())
            sum += quick_exponential(x[from + i * p.inner] - top);
        float all = team_sum(sum);
        float log_all = logarithm(all);
        for (uint i = lane(); i < p.n; i += lanes()) {
            float off = x[from + i * p.inner] - top;
            y[to + i * p.inner] = LOG == 1 ? off - log_all : quick_exponential(off) / all;
        }
    }
}
