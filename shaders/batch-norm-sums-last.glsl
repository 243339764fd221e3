#version 450
// variants: vec4
// batch-norm-stats, or with GRAD batch-norm-grad-sums, where channels are the last axis of x (rows, channels): one
// (stretch of rows, channel) an invocation, so that neighbours read neighbouring channels.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint GRAD = 0;
layout(constant_id = 2) const uint TRAIN = 1; // means are less the channel's first element
layout(constant_id = 3) const uint COUNT_BATCH = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; }; // the rest with GRAD only
layout(std430, binding = 2) readonly buffer Mean { REAL mean[]; };
layout(std430, binding = 3) readonly buffer Variance { REAL variance[]; };
layout(std430, binding = 4) writeonly buffer Y { float y[]; }; // statistics (channels, parts, 2); sums (2, channels, parts)
layout(std430, binding = 5) buffer Batches { int batches[]; };
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint mean_at; uint variance_at; uint y_at; uint batches_at;
    uint rows; uint channels; uint parts; float eps;
} p;

#if VEC == 4
#define ELEMENT(v, k) (v)[k]
#else
#define ELEMENT(v, k) (v)
#endif

void main()
{
    if (COUNT_BATCH == 1 && gl_GlobalInvocationID.x == 0)
        batches[p.batches_at]++;
    uint length = (p.rows + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < p.channels * p.parts; i += stride()) {
        uint c = i % p.channels, part = i / p.channels;
        uint first = min(p.rows, part * length), last = min(p.rows, first + length);
        REAL base = TRAIN == 1 ? x[p.x_at + c] : REAL(0), one = REAL(0), two = REAL(0);
        if (GRAD == 1) {
            REAL centre = mean[p.mean_at + c];
            for (uint r = first; r < last; r++) {
                REAL g = gy[p.gy_at + r * p.channels + c];
                one += g * ((x[p.x_at + r * p.channels + c] - base) - centre);
                two += g;
            }
            one = one / sqrt(variance[p.variance_at + c] + p.eps);
        } else {
            for (uint r = first; r < last; r++)
                one += x[p.x_at + r * p.channels + c] - base;
            one /= float(max(last, first + 1) - first);
            for (uint r = first; r < last; r++) {
                REAL d = (x[p.x_at + r * p.channels + c] - base) - one;
                two += d * d;
            }
        }
        for (uint k = 0; k < VEC; k++) {
            uint at = (c * VEC + k) * p.parts + part;
            y[p.y_at + (GRAD == 1 ? at : 2 * at)] = ELEMENT(one, k);
            y[p.y_at + (GRAD == 1 ? p.channels * VEC * p.parts + at : 2 * at + 1)] = ELEMENT(two, k);
        }
    }
}
