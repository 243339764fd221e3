#version 450
// variants: vec4
// Gradient of layer-norm for x: with h = gy * weight and z the normalised row,
// gx = scale * (h - mean(h) - z * mean(h * z)); without mean(h) where the row was not centred.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint CENTRE = 1;
layout(constant_id = 3) const uint WEIGHT = 0;
#include "team.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (rows, n)
layout(std430, binding = 1) readonly buffer Weight { REAL weight[]; }; // (n)
layout(std430, binding = 2) readonly buffer Kept { float kept[]; }; // (2, rows)
layout(std430, binding = 3) readonly buffer Gy { REAL gy[]; }; // (rows, n)
layout(std430, binding = 4) writeonly buffer Gx { REAL gx[]; }; // (rows, n)
layout(push_constant) uniform Push {
    uint x_at; uint weight_at; uint kept_at; uint gy_at; uint gx_at;
    uint rows; uint n;
} p;

REAL pull(uint at, uint i) { return WEIGHT == 1 ? gy[p.gy_at + at + i] * weight[p.weight_at + i] : gy[p.gy_at + at + i]; }

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        uint at = row * p.n;
        float base = CENTRE == 1 ? FIRST(x[p.x_at + at]) : 0.0, mean = kept[p.kept_at + row];
        float scale = kept[p.kept_at + p.rows + row];
        REAL sum = REAL(0.0), sum_z = REAL(0.0);
        for (uint i = lane(); i < p.n; i += lanes()) {
            REAL h = pull(at, i);
            sum += h;
            sum_z += h * (((x[p.x_at + at + i] - base) - mean) * scale);
        }
        float mean_h = CENTRE == 1 ? team_sum(TOTAL(sum)) / float(p.n * VEC) : 0.0;
        float mean_z = team_sum(TOTAL(sum_z)) / float(p.n * VEC);
        for (uint i = lane(); i < p.n; i += lanes()) {
            REAL z = ((x[p.x_at + at + i] - base) - mean) * scale;
            gx[p.gx_at + at + i] = scale * (pull(at, i) - mean_h - z * mean_z);
        }
    }
}
