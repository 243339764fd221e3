#version 450
// variants: vec4
// (x - mean) / sqrt(var + eps) over rows, or (CENTRE = 0) x / sqrt(mean(x^2) + eps), times weight, plus bias.
// Differences are from the row's first element, so nothing is lost in rows far from zero.
// kept: each row's mean less its first element, then each row's 1 / sqrt(..), for the gradient.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"
layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint CENTRE = 1;
layout(constant_id = 3) const uint WEIGHT = 0;
layout(constant_id = 4) const uint BIAS = 0;
#include "team.glsl"

READS(0, REAL, x); // (rows, n)
READS(1, REAL, weight); // (n)
READS(2, REAL, bias); // (n)
WRITES(3, REAL, y); // (rows, n)
WRITES(4, float, kept); // (2, rows)
layout(push_constant) uniform Push {
    OFFSETS(5); uint rows; uint n; float eps;
} p;

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        uint from = BEGIN(x) + row * p.n, to = BEGIN(y) + row * p.n;
        float base = CENTRE == 1 ? FIRST(x[from]) : 0.0, mean = 0.0;
        if (CENTRE == 1) {
            REAL sum = REAL(0.0);
            for (uint i = lane(); i < p.n; i += lanes())
                sum += x[from + i] - base;
            mean = team_sum(TOTAL(sum)) / float(p.n * VEC);
        }
        REAL squares = REAL(0.0);
        for (uint i = lane(); i < p.n; i += lanes()) {
            REAL d = (x[from + i] - base) - mean;
            squares += d * d;
        }
        float scale = inverse_root(team_sum(TOTAL(squares)) / float(p.n * VEC) + p.eps);
        for (uint i = lane(); i < p.n; i += lanes()) {
            REAL v = ((x[from + i] - base) - mean) * scale;
            v = WEIGHT == 1 ? v * AT(weight, i) : v;
            y[to + i] = BIAS == 1 ? v + AT(bias, i) : v;
        }
        if (lane() == 0) {
            AT(kept, row) = mean;
            AT(kept, p.rows + row) = scale;
        }
    }
}
