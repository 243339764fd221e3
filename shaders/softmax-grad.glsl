#version 450
// Gradient of softmax from its result: gx = y * (gy - sum(gy * y)); of log-softmax: gx = gy - exp(y) * sum(gy).
#include "common.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint LOG = 0;
#include "team.glsl"

READS(0, float, y);
READS(1, float, gy);
WRITES(2, float, gx);
layout(push_constant) uniform Push { OFFSETS(3); uint rows; uint n; uint inner; } p;

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        uint at = row / p.inner * p.n * p.inner + row % p.inner;
        float sum = 0.0;
        for (uint i = lane(); i < p.n; i += lanes()) {
            uint k = at + i * p.inner;
            sum += LOG == 1 ? AT(gy, k) : AT(gy, k) * AT(y, k);
        }
        float all = team_sum(sum);
        for (uint i = lane(); i < p.n; i += lanes()) {
            uint k = at + i * p.inner;
            float g = AT(gy, k), v = AT(y, k);
            AT(gx, k) = LOG == 1 ? g - quick_exponential(v) * all : v * (g - all);
        }
    }
}
