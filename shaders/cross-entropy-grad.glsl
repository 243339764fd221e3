#version 450
// Gradient of cross-entropy for the logits (share sums times softmax, less the shares), or for probabilities given as
// the target (OF_TARGET).  EACH: one gradient of the loss for each row, else one for all.
#include "common.glsl"
#include "divided.glsl"
#include "math.glsl"
#include "classes.glsl"
layout(constant_id = 5) const uint EACH = 0;
layout(constant_id = 6) const uint OF_TARGET = 0;

READS(0, float, x);
READS(1, uint, target);
READS(2, float, weight);
READS(3, float, kept); // (3, rows), see cross-entropy
READS(4, float, g);
WRITES(5, float, gx);
layout(push_constant) uniform Push {
    OFFSETS(6); uint rows; uint n; uint inner; int ignore; float smoothing;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uvec2 inner = divided(i, p.inner), at = divided(inner.x, p.n);
        uint c = at.y, row = at.x * p.inner + inner.y;
        Row r = row_of(row, p.n, p.inner, PROBABILITIES == 1 ? 0 : int(AT(target, row)), p.ignore);
        float w = WEIGHT == 1 ? AT(weight, c) : 1.0;
        float q = PROBABILITIES == 1 ? uintBitsToFloat(AT(target, i)) : float(c == r.chosen);
        float a = smoothed(q, p.smoothing, p.n) * w;
        float off = AT(x, i) - AT(kept, row), log_all = AT(kept, p.rows + row);
        float slope;
        if (OF_TARGET == 1)
            slope = w * (1.0 - p.smoothing) * (log_all - off);
        else if (LOGS == 1)
            slope = -a;
        else
            slope = AT(kept, 2 * p.rows + row) * quick_exponential(off - log_all) - a;
        slope *= AT(g, EACH == 1 ? row : 0);
        AT(gx, i) = !r.valid ? uintBitsToFloat(0x7FC00000u) : r.live ? slope : 0.0;
    }
}
