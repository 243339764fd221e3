#version 450
// variants: vec4 vec8
// How many values each part of a group has, their mean (less the group's first value: differences from that are exact
// in channels far from zero), and the sum of squared deviations; joined stretch by stretch (Chan, Golub & LeVeque, 1983).
#include "common.glsl"
#include "vector.glsl"

READS(0, REAL, x);
#ifdef EIGHTS
READS_EIGHTS(x);
#endif
WRITES(1, float, y); // (3, sets, parts)
CHANGES(2, int, batches);
layout(push_constant) uniform Push {
    OFFSETS(3); uint sets; uint channels; uint inner; uint members; uint parts; uint cuts; uint across;
} p;
#include "channels-sums.glsl"
layout(constant_id = 4) const uint TRACK = 0; // count this batch, in every step

#ifdef EIGHTS
#include "eights.glsl"
#endif
REAL value(uint j, REAL base, REAL mean) { return (AT(x, j) - base) - mean; }

void main()
{
    if (TRACK == 1)
        for (uint t = gl_GlobalInvocationID.x; t < p.sets / p.channels; t += stride())
            AT(batches, t)++;
    uint units = p.members * p.cuts, length = (units + p.parts - 1) / p.parts, items = p.sets / WIDE;
    for (uint item = first_row(); item < items * p.parts; item += rows_apart()) {
        uint g = item % items * WIDE, part = item / items;
        uvec2 begin = stretch(g, 0);
        REAL base = AT(x, begin.x / VEC);
#if VEC == 4
        base = COLUMNS == 1 ? base : REAL(base[begin.x % 4]);
#endif
        REAL mean = REAL(0), squares = REAL(0);
        float have = 0.0;
        for (uint k = part * length + lane() / p.across; k < min(units, (part + 1) * length); k += lanes() / p.across) {
            uvec2 of = stretch(g, k);
            uint from = of.x / VEC + lane() % p.across, to = (of.y + VEC - 1) / VEC;
            float more = COLUMNS == 1 ? 1.0 : float(of.y - of.x);
            if (TEAM == 1) {
                more = 0.0;
                for (uint j = from; j < to; j += p.across)
                    more += TOTAL(inside(REAL(1), j, of));
                if (more == 0.0)
                    continue;
            }
            if (COLUMNS == 0 && have == 0.0) { // a mean to begin with, so that no square is large for nothing
                REAL sum = REAL(0);
                for (uint j = from; j < to; j += p.across)
                    sum += inside(value(j, base, REAL(0)), j, of);
                mean = REAL(TOTAL(sum) / more);
            }
            REAL sum = REAL(0), square = REAL(0);
#ifdef EIGHTS
            for (uint j = from / 2 * 2; j < to; j += 2) {
                Pair v = PAIR(x, j);
                REAL d = inside((v.a - base) - mean, j, of), e = inside((v.b - base) - mean, j + 1, of);
                sum = (sum + d) + e; // in order: the same bits as one by one
                square = (square + d * d) + e * e;
            }
#else
            for (uint j = from; j < to; j += p.across) {
                REAL d = inside(value(j, base, mean), j, of);
                sum += d;
                square += d * d;
            }
#endif
            if (COLUMNS == 0) {
                sum = REAL(TOTAL(sum));
                square = REAL(TOTAL(square));
            }
            REAL off = sum / more;
            squares += (square - sum * off) + off * off * (have * (more / (have + more)));
            mean += off * (more / (have + more));
            have += more;
        }
        if (TEAM == 1) {
            float all = team_sum(have), centre = team_sum(have * FIRST(mean)) / max(all, 1.0);
            float apart = FIRST(mean) - centre;
            squares = REAL(team_sum(FIRST(squares) + have * apart * apart));
            mean = REAL(centre);
            have = all;
        }
        if (lane() == 0)
            for (uint c = 0; c < WIDE; c++) {
                uint at = BEGIN(y) + (g + c) * p.parts + part;
#if VEC == 4
                float own = mean[c], spread = squares[c];
#else
                float own = mean, spread = squares;
#endif
                y[at] = have;
                y[at + p.sets * p.parts] = own;
                y[at + 2 * p.sets * p.parts] = spread;
            }
    }
}
