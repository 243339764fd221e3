#version 450
// Gradient of cross-entropy for the logits (share sums times softmax, less the shares), or for probabilities given as
// the target (OF_TARGET).  EACH: one gradient of the loss for each row, else one for all.
#include "common.glsl"
#include "math.glsl"
#include "classes.glsl"
layout(constant_id = 5) const uint EACH = 0;
layout(constant_id = 6) const uint OF_TARGET = 0;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Target { uint target[]; };
layout(std430, binding = 2) readonly buffer Weight { float weight[]; };
layout(std430, binding = 3) readonly buffer Kept { float kept[]; }; // (3, rows), see cross-entropy
layout(std430, binding = 4) readonly buffer G { float g[]; };
layout(std430, binding = 5) writeonly buffer Gx { float gx[]; };
layout(push_constant) uniform Push {
    uint x_at; uint target_at; uint weight_at; uint kept_at; uint g_at; uint gx_at;
    uint rows; uint n; uint inner; int ignore; float smoothing;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint c = i / p.inner % p.n, row = i / (p.inner * p.n) * p.inner + i % p.inner;
        Row r = row_of(row, p.n, p.inner, PROBABILITIES == 1 ? 0 : int(target[p.target_at + row]), p.ignore);
        float w = WEIGHT == 1 ? weight[p.weight_at + c] : 1.0;
        float q = PROBABILITIES == 1 ? uintBitsToFloat(target[p.target_at + i]) : float(c == r.chosen);
        float a = smoothed(q, p.smoothing, p.n) * w;
        float off = x[p.x_at + i] - kept[p.kept_at + row], log_all = kept[p.kept_at + p.rows + row];
        float slope;
        if (OF_TARGET == 1)
            slope = w * (1.0 - p.smoothing) * (log_all - off);
        else if (LOGS == 1)
            slope = -a;
        else
            slope = kept[p.kept_at + 2 * p.rows + row] * quick_exponential(off - log_all) - a;
        slope *= g[p.g_at + (EACH == 1 ? row : 0)];
        gx[p.gx_at + i] = !r.valid ? uintBitsToFloat(0x7FC00000u) : r.live ? slope : 0.0;
    }
}
