#version 450
// variants: vec4
// Gradient of batch-norm for x: with gain = weight / sqrt(variance + eps), and SCALE's number in gy,
// gain * gy, less (TRAIN = 1, where the statistics depend on x) gain * (mean(gy) + z * mean(gy * z)).
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Gy { REAL gy[]; };
layout(std430, binding = 2) readonly buffer Mean { float mean[]; };
layout(std430, binding = 3) readonly buffer Variance { float variance[]; };
layout(std430, binding = 4) readonly buffer Weight { float weight[]; };
layout(std430, binding = 5) readonly buffer Scale { float scale[]; };
layout(std430, binding = 6) readonly buffer Sums { float sums[]; }; // (2, sets) sums of gy * z and of gy
layout(std430, binding = 7) writeonly buffer Gx { REAL gx[]; };
layout(push_constant) uniform Push {
    uint x_at; uint gy_at; uint mean_at; uint variance_at; uint weight_at; uint scale_at; uint sums_at; uint gx_at;
    uint n; uint channels; uint inner; uint members; uint step; uint sets; uint run; float count; float eps;
} p;
#include "channels.glsl"
layout(constant_id = 2) const uint WEIGHT = 0;
layout(constant_id = 3) const uint SCALE = 0;
layout(constant_id = 4) const uint TRAIN = 1;

struct Channel { REAL base, mean, gain, slope, shift; };

Channel channel(uint row)
{
    uint g = group_of(row);
    Channel c;
    REAL scaled = inverse_root(NUMBER(variance, p.variance_at + g) + p.eps);
    c.gain = WEIGHT == 1 ? scaled * NUMBER(weight, p.weight_at + g) : scaled;
    if (TRAIN == 1) {
        c.base = NUMBER(mean, p.mean_at + p.sets + g);
        c.mean = NUMBER(mean, p.mean_at + g);
        c.slope = scaled * c.gain * (NUMBER(sums, p.sums_at + g) / p.count);
        c.shift = c.gain * (NUMBER(sums, p.sums_at + p.sets + g) / p.count);
    }
    if (SCALE == 1)
        c.gain *= scale[p.scale_at + step_of(row)];
    return c;
}

REAL value(uint i, Channel c)
{
    REAL g = gy[p.gy_at + i] * c.gain;
    return TRAIN == 1 ? (g - c.shift) - ((x[p.x_at + i] - c.base) - c.mean) * c.slope : g;
}
void put(uint i, Channel c) { gx[p.gx_at + i] = value(i, c); }
#if VEC == 4
void put_both(uint i, Channel a, Channel b, bvec4 own) { gx[p.gx_at + i] = mix(value(i, b), value(i, a), own); }
#endif
#include "channels-walk.glsl"
