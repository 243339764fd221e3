#version 450
// variants: vec4 vec8
// (x - mean) / sqrt(variance + eps) * weight + bias for each channel, or each channel in each step, of x (samples,
// channels, inner); with SCALE all that times a number of the step.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"

READS(0, REAL, x);
READS(1, float, mean); // with TRAIN less `base`, which comes after it
READS(2, float, variance);
READS(3, float, weight);
READS(4, float, bias);
READS(5, float, scale);
WRITES(6, REAL, y);
#ifdef EIGHTS
READS_EIGHTS(x);
WRITES_EIGHTS(y);
#endif
layout(push_constant) uniform Push {
    OFFSETS(7); uint n; uint channels; uint inner; uint members; uint step; uint sets; uint run; float eps;
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
    c.base = TRAIN == 1 ? NUMBER(mean, p.sets + g) : REAL(0);
    c.mean = NUMBER(mean, g);
    c.gain = inverse_root(NUMBER(variance, g) + p.eps);
    c.gain = WEIGHT == 1 ? c.gain * NUMBER(weight, g) : c.gain;
    c.bias = BIAS == 1 ? NUMBER(bias, g) : REAL(0);
    if (SCALE == 1) {
        c.gain *= AT(scale, step_of(row));
        c.bias *= AT(scale, step_of(row));
    }
    return c;
}

REAL normal(REAL v, Channel c) { return ((v - c.base) - c.mean) * c.gain + c.bias; }
REAL value(uint i, Channel c) { return normal(AT(x, i), c); }
void put(uint i, Channel c) { AT(y, i) = value(i, c); }
#ifdef EIGHTS
#include "eights.glsl"
void put_pair(uint i, Channel c)
{
    Pair v = PAIR(x, i);
    PUT_PAIR(y, i, normal(v.a, c), normal(v.b, c));
}
void put_pair_both(uint i, uint end, Channel c, Channel d)
{
    Pair v = PAIR(x, i);
    PUT_PAIR(y, i, mix(normal(v.a, d), normal(v.a, c), before(i, end)),
             mix(normal(v.b, d), normal(v.b, c), before(i + 1, end)));
}
#endif
#if VEC == 4
void put_both(uint i, Channel a, Channel b, bvec4 own) { AT(y, i) = mix(value(i, b), value(i, a), own); }
#endif
#include "channels-walk.glsl"
