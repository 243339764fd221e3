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

READS(0, REAL, x); // (rows, n)
READS(1, REAL, weight); // (n)
READS(2, float, kept); // (2, rows)
READS(3, REAL, gy); // (rows, n)
WRITES(4, REAL, gx); // (rows, n)
layout(push_constant) uniform Push {
    OFFSETS(5); uint rows; uint n;
} p;

REAL pull(uint at, uint i) { return WEIGHT == 1 ? AT(gy, at + i) * AT(weight, i) : AT(gy, at + i); }

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        uint at = row * p.n;
        float base = CENTRE == 1 ? FIRST(AT(x, at)) : 0.0, mean = AT(kept, row);
        float scale = AT(kept, p.rows + row);
        REAL sum = REAL(0.0), sum_z = REAL(0.0);
        for (uint i = lane(); i < p.n; i += lanes()) {
            REAL h = pull(at, i);
            sum += h;
            sum_z += h * (((AT(x, at + i) - base) - mean) * scale);
        }
        float mean_h = CENTRE == 1 ? team_sum(TOTAL(sum)) / float(p.n * VEC) : 0.0;
        float mean_z = team_sum(TOTAL(sum_z)) / float(p.n * VEC);
        for (uint i = lane(); i < p.n; i += lanes()) {
            REAL z = ((AT(x, at + i) - base) - mean) * scale;
            AT(gx, at + i) = scale * (pull(at, i) - mean_h - z * mean_z);
        }
    }
}
