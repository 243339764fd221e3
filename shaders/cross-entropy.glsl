#version 450
// Cross-entropy of rows (the middle axis of (outer, n, inner)) straight from logits: log-softmax, targets, weights.
// y: each row's loss, then each row's weight in a mean.  kept: maximum, log of the sum, sum of the shares.
#include "common.glsl"
#include "math.glsl"
#include "classes.glsl"
#include "team.glsl"

READS(0, float, x);
READS(1, uint, target);
READS(2, float, weight);
WRITES(3, float, y); // (2, rows)
WRITES(4, float, kept); // (3, rows)
layout(push_constant) uniform Push {
    OFFSETS(5); uint rows; uint n; uint inner; int ignore; float smoothing;
} p;

void main()
{
    for (uint row = first_row(); row < p.rows; row += rows_apart()) {
        Row r = row_of(row, p.n, p.inner, PROBABILITIES == 1 ? 0 : int(AT(target, row)), p.ignore);
        uint from = BEGIN(x) + r.at;
        float top = 0.0, log_all = 0.0;
        if (LOGS == 0) {
            float high = uintBitsToFloat(0xFF800000u);
            for (uint c = lane(); c < p.n; c += lanes())
                high = max(high, x[from + c * p.inner]);
            top = team_max(high);
            float sum = 0.0;
            for (uint c = lane(); c < p.n; c += lanes())
                sum += quick_exponential(x[from + c * p.inner] - top);
            log_all = logarithm(team_sum(sum));
        }
        float loss = 0.0, shares = 0.0;
        for (uint c = lane(); c < p.n; c += lanes()) {
            float q = PROBABILITIES == 1 ? uintBitsToFloat(AT(target, r.at + c * p.inner))
                                         : float(c == r.chosen);
            float a = smoothed(q, p.smoothing, p.n) * (WEIGHT == 1 ? AT(weight, c) : 1.0);
            if (a != 0.0) // a class of probability 0 may have the logit -Inf
                loss += a * ((top - x[from + c * p.inner]) + log_all);
            shares += a;
        }
        loss = team_sum(loss);
        shares = team_sum(shares);
        if (lane() == 0) {
            float counts = PROBABILITIES == 0 && WEIGHT == 1 ? AT(weight, r.chosen) : 1.0;
            AT(y, row) = !r.valid ? uintBitsToFloat(0x7FC00000u) : r.live ? loss : 0.0;
            AT(y, p.rows + row) = r.live ? counts : 0.0;
            AT(kept, row) = top;
            AT(kept, p.rows + row) = log_all;
            AT(kept, 2 * p.rows + row) = shares;
        }
    }
}
