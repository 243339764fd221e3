#version 450
// variants: vec4
// Sums of gy * z, z the normalised x, and of gy over the members of each group, in parts.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; };
layout(std430, binding = 2) readonly buffer Mean { float mean[]; }; // as in batch-norm
layout(std430, binding = 3) readonly buffer Variance { float variance[]; };
layout(std430, binding = 4) writeonly buffer Y { float y[]; }; // (2, sets, parts)
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint mean_at; uint variance_at; uint y_at;
    uint sets; uint channels; uint inner; uint members; uint parts; uint cuts; uint across;
    uint stats; // groups with statistics of their own: all, or those of the first step
    float eps;
} p;
#include "channels-sums.glsl"
layout(constant_id = 4) const uint TRAIN = 1;

void main()
{
    uint units = p.members * p.cuts, length = (units + p.parts - 1) / p.parts, items = p.sets / WIDE;
    for (uint item = first_row(); item < items * p.parts; item += rows_apart()) {
        uint g = item % items * WIDE, part = item / items, own = g % p.stats;
        REAL base = REAL(0), centre = REAL(mean[p.mean_at + own]), sum = REAL(0), sum_z = REAL(0);
        if (TRAIN == 1)
            base = REAL(mean[p.mean_at + p.stats + own]);
#if VEC == 4
        for (uint c = 1; c < WIDE; c++) {
            centre[c] = mean[p.mean_at + own + c];
            base[c] = TRAIN == 1 ? mean[p.mean_at + p.stats + own + c] : 0.0;
        }
#endif
        for (uint k = part * length + lane() / p.across; k < min(units, (part + 1) * length); k += lanes() / p.across) {
            uvec2 of = stretch(g, k);
            REAL row = REAL(0), row_z = REAL(0); // sums of sums: rounding grows slower
            for (uint j = of.x / VEC + lane() % p.across; j < (of.y + VEC - 1) / VEC; j += p.across) {
                REAL v = inside(gy[p.gy_at + j], j, of);
                row += v;
                row_z += v * inside((x[p.x_at + j] - base) - centre, j, of);
            }
            sum += row;
            sum_z += row_z;
        }
        if (COLUMNS == 0) {
            sum = REAL(team_sum(TOTAL(sum)));
            sum_z = REAL(team_sum(TOTAL(sum_z)));
        }
        if (lane() == 0)
            for (uint c = 0; c < WIDE; c++) {
                uint at = p.y_at + (g + c) * p.parts + part;
#if VEC == 4
                float s = sum[c], z = sum_z[c];
#else
                float s = sum, z = sum_z;
#endif
                y[at] = z / sqrt(variance[p.variance_at + own + c] + p.eps);
                y[at + p.sets * p.parts] = s;
            }
    }
}
