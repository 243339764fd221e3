#version 450
// variants: vec4
// (x - mean) / sqrt(variance + eps) * weight + bias for each channel, or each channel in each step, of x (samples,
// channels, inner); with SCALE all that times a number of the step.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; };
layout(std430, binding = 1) readonly buffer Mean { float mean[]; }; // with TRAIN less `base`, which comes after it
layout(std430, binding = 2) readonly buffer Variance { float variance[]; };
layout(std430, binding = 3) readonly buffer Weight { float weight[]; };
layout(std430, binding = 4) readonly buffer Bias { float bias[]; };
layout(std430, binding = 5) readonly buffer Scale { float scale[]; };
layout(std430, binding = 6) writeonly buffer Y { REAL y[]; };
layout(push_constant) uniform Push {
    uint x_at; uint mean_at; uint variance_at; uint weight_at; uint bias_at; uint scale_at; uint y_at;
    uint n; uint channels; uint inner; uint members; uint step; uint sets; uint run; float eps;
} p;
#include "channels.glsl"
layout(constant_id = 2) const uint WEIGHT = 0;
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint SCALE = 0;
layout(constant_id = 5) const uint TRAIN = 1;

struct Channel { REAL base, mean, gain, bias; };

Channel channel(uint row)
{
    uint g = group_of(row);
    Channel c;
    c.base = TRAIN == 1 ? NUMBER(mean, p.mean_at + p.sets + g) : REAL(0);
    c.mean = NUMBER(mean, p.mean_at + g);
    c.gain = inverse_root(NUMBER(variance, p.variance_at + g) + p.eps);
    c.gain = WEIGHT == 1 ? c.gain * NUMBER(weight, p.weight_at + g) : c.gain;
    c.bias = BIAS == 1 ? NUMBER(bias, p.bias_at + g) : REAL(0);
    if (SCALE == 1) {
        c.gain *= scale[p.scale_at + step_of(row)];
        c.bias *= scale[p.scale_at + step_of(row)];
    }
    return c;
}

REAL value(uint i, Channel c) { return ((x[p.x_at + i] - c.base) - c.mean) * c.gain + c.bias; }
void put(uint i, Channel c) { y[p.y_at + i] = value(i, c); }
#if VEC == 4
void put_both(uint i, Channel a, Channel b, bvec4 own) { y[p.y_at + i] = mix(value(i, b), value(i, a), own); }
#endif
#include "channels-walk.glsl"
