#version 450
// Gradient of softmax from its result: gx = y * (gy - sum(gy * y)); of log-softmax: gx = gy - exp(y) * sum(gy).
#include "common.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint LOG = 0;
#include "team.glsl"

layout(std430, binding = 0) readonly buffer Y { float y[]; };
layout(std430, binding = 1) readonly buffer Gy { float gy[]; };
layout(std430, binding = 2) writeonly buffer Gx { float gx[]; };
layout(push_constant) uniform Push { uint y_at; uint gy_at; uint gx_at; uint rows; uint n; uint inner; } p;

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        uint at = row / p.inner * p.n * p.inner + row % p.inner;
        float sum = 0.0;
        for (uint i = lane(); i < p.n; i += lanes()) {
            uint k = at + i * p.inner;
            sum += LOG == 1 ? gy[p.gy_at + k] : gy[p.gy_at + k] * y[p.y_at + k];
        }
        float all = team_sum(sum);
        for (uint i = lane(); i < p.n; i += lanes()) {
            uint k = at + i * p.inner;
            float g = gy[p.gy_at + k], v = y[p.y_at + k];
            gx[p.gx_at + k] = LOG == 1 ? g - quick_exponential(v) * all : v * (g - all);
        }
    }
}
