#version 450
// variants: vec4 vec8
// Sums of gy * z, z the normalised x, and of gy over the members of each group, in parts.
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x);
READS(1, REAL, gy);
#ifdef EIGHTS
READS_EIGHTS(x);
READS_EIGHTS(gy);
#endif
READS(2, float, mean); // as in batch-norm
READS(3, float, variance);
WRITES(4, float, y); // (2, sets, parts)
layout(push_constant) uniform Push {
    OFFSETS(5); uint sets; uint channels; uint inner; uint members; uint parts; uint cuts; uint across;
    uint stats; // groups with statistics of their own: all, or those of the first step
    float eps;
} p;
#include "channels-sums.glsl"
layout(constant_id = 4) const uint TRAIN = 1;
#ifdef EIGHTS
#include "eights.glsl"
#endif

void main()
{
    uint units = p.members * p.cuts, length = (units + p.parts - 1) / p.parts, items = p.sets / WIDE;
    for (uint item = first_row(); item < items * p.parts; item += rows_apart()) {
        uint g = item % items * WIDE, part = item / items, own = g % p.stats;
        REAL base = REAL(0), centre = REAL(AT(mean, own)), sum = REAL(0), sum_z = REAL(0);
        if (TRAIN == 1)
            base = REAL(AT(mean, p.stats + own));
#if VEC == 4
        for (uint c = 1; c < WIDE; c++) {
            centre[c] = AT(mean, own + c);
            base[c] = TRAIN == 1 ? AT(mean, p.stats + own + c) : 0.0;
        }
#endif
        for (uint k = part * length + lane() / p.across; k < min(units, (part + 1) * length); k += lanes() / p.across) {
            uvec2 of = stretch(g, k);
            REAL row = REAL(0), row_z = REAL(0); // sums of sums: rounding grows slower
            uint from = of.x / VEC + lane() % p.across, to = (of.y + VEC - 1) / VEC;
#ifdef EIGHTS
            for (uint j = from / 2 * 2; j < to; j += 2) {
                Pair g = PAIR(gy, j), v = PAIR(x, j);
                REAL first = inside(g.a, j, of), second = inside(g.b, j + 1, of);
                row = (row + first) + second; // in order: the same bits as one by one
                row_z += first * inside((v.a - base) - centre, j, of);
                row_z += second * inside((v.b - base) - centre, j + 1, of);
            }
#else
            for (uint j = from; j < to; j += p.across) {
                REAL v = inside(AT(gy, j), j, of);
                row += v;
                row_z += v * inside((AT(x, j) - base) - centre, j, of);
            }
#endif
            sum += row;
            sum_z += row_z;
        }
        if (COLUMNS == 0) {
            sum = REAL(team_sum(TOTAL(sum)));
            sum_z = REAL(team_sum(TOTAL(sum_z)));
        }
        if (lane() == 0)
            for (uint c = 0; c < WIDE; c++) {
                uint at = BEGIN(y) + (g + c) * p.parts + part;
#if VEC == 4
                float s = sum[c], z = sum_z[c];
#else
                float s = sum, z = sum_z;
#endif
                y[at] = z / sqrt(AT(variance, own + c) + p.eps);
                y[at + p.sets * p.parts] = s;
            }
    }
}
