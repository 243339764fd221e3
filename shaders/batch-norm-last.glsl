#version 450
// variants: vec4
// batch-norm and its gradient (GRAD) where channels are the last axis of x (rows, channels): neighbours are channels.
// With TRAIN the means are less the channel's first element, and the statistics depend on x.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint TRAIN = 1;
layout(constant_id = 4) const uint GRAD = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; }; // with GRAD only
layout(std430, binding = 2) readonly buffer Mean { REAL mean[]; };
layout(std430, binding = 3) readonly buffer Variance { REAL variance[]; };
layout(std430, binding = 4) readonly buffer Weight { REAL weight[]; };
layout(std430, binding = 5) readonly buffer Bias { REAL bias[]; };
layout(std430, binding = 6) readonly buffer Gw { REAL gw[]; }; // (channels) sums of gy * z, z the normalised x
layout(std430, binding = 7) readonly buffer Gb { REAL gb[]; }; // (channels) sums of gy
layout(std430, binding = 8) writeonly buffer Y { REAL y[]; };
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint mean_at; uint variance_at; uint weight_at; uint bias_at; uint gw_at; uint gb_at; uint y_at;
    uint rows; uint channels; uint per; float eps; // per: rows that one invocation goes through
} p;

void main()
{
    uint bands = (p.rows + p.per - 1) / p.per;
    for (uint i = gl_GlobalInvocationID.x; i < bands * p.channels; i += stride()) {
        uint c = i % p.channels, row = i / p.channels * p.per;
        REAL scale = 1.0 / sqrt(variance[p.variance_at + c] + p.eps), centre = mean[p.mean_at + c];
        REAL base = TRAIN == 1 ? x[p.x_at + c] : REAL(0);
        REAL gain = WEIGHT == 1 ? scale * weight[p.weight_at + c] : scale;
        REAL more = BIAS == 1 ? bias[p.bias_at + c] : REAL(0);
        REAL slope = REAL(0), flat_part = REAL(0);
        if (GRAD == 1 && TRAIN == 1) {
            slope = gw[p.gw_at + c] / float(p.rows) * scale;
            flat_part = gb[p.gb_at + c] / float(p.rows);
        }
        for (uint r = row; r < min(p.rows, row + p.per); r++) {
            uint at = r * p.channels + c;
            REAL off = GRAD == 0 || TRAIN == 1 ? (x[p.x_at + at] - base) - centre : REAL(0);
            y[p.y_at + at] = GRAD == 1 ? (gy[p.gy_at + at] - (flat_part + off * slope)) * gain : off * gain + more;
        }
    }
}
