#version 450
// variants: vec4
// Gradient of batch-norm for x: weight * scale * gy, less (TRAIN = 1, where the statistics depend on x)
// weight * scale * (mean(gy) + z * mean(gy * z)).
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint WEIGHT = 0;
layout(constant_id = 2) const uint TRAIN = 1;

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; };
layout(std430, binding = 2) readonly buffer Mean { float mean[]; };
layout(std430, binding = 3) readonly buffer Variance { float variance[]; };
layout(std430, binding = 4) readonly buffer Weight { float weight[]; };
layout(std430, binding = 5) readonly buffer Gw { float gw[]; }; // (channels) sums of gy * z
layout(std430, binding = 6) readonly buffer Gb { float gb[]; }; // (channels) sums of gy
layout(std430, binding = 7) writeonly buffer Gx { REAL gx[]; };
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint mean_at; uint variance_at; uint weight_at; uint gw_at; uint gb_at; uint gx_at;
    uint n; uint channels; uint inner; float count; float eps;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint c = i / p.inner % p.channels;
        float scale = 1.0 / sqrt(variance[p.variance_at + c] + p.eps);
        REAL g = gy[p.gy_at + i];
        if (TRAIN == 1) {
            float base = FIRST(x[p.x_at + c * p.inner]);
            REAL z = ((x[p.x_at + i] - base) - mean[p.mean_at + c]) * scale;
            g -= (gb[p.gb_at + c] + z * gw[p.gw_at + c]) / p.count;
        }
        gx[p.gx_at + i] = g * (WEIGHT == 1 ? scale * weight[p.weight_at + c] : scale);
    }
}
