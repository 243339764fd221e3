#version 450
// variants: vec4 vec8
// Gradient of batch-norm for x: with gain = weight / sqrt(variance + eps), and SCALE's number in gy,
// gain * gy, less (TRAIN = 1, where the statistics depend on x) gain * (mean(gy) + z * mean(gy * z)).
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"

READS(0, REAL, x);
READS(1, REAL, gy);
READS(2, float, mean);
READS(3, float, variance);
READS(4, float, weight);
READS(5, float, scale);
READS(6, float, sums); // (2, sets) sums of gy * z and of gy
WRITES(7, REAL, gx);
#ifdef EIGHTS
READS_EIGHTS(x);
READS_EIGHTS(gy);
WRITES_EIGHTS(gx);
#endif
layout(push_constant) uniform Push {
    OFFSETS(8);
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
    REAL scaled = inverse_root(NUMBER(variance, g) + p.eps);
    c.gain = WEIGHT == 1 ? scaled * NUMBER(weight, g) : scaled;
    if (TRAIN == 1) {
        c.base = NUMBER(mean, p.sets + g);
        c.mean = NUMBER(mean, g);
        c.slope = scaled * c.gain * (NUMBER(sums, g) / p.count);
        c.shift = c.gain * (NUMBER(sums, p.sets + g) / p.count);
    }
    if (SCALE == 1)
        c.gain *= AT(scale, step_of(row));
    return c;
}

REAL slope(REAL g, REAL v, Channel c)
{
    g *= c.gain;
    return TRAIN == 1 ? (g - c.shift) - ((v - c.base) - c.mean) * c.slope : g;
}
REAL value(uint i, Channel c) { return slope(AT(gy, i), TRAIN == 1 ? AT(x, i) : REAL(0), c); }
void put(uint i, Channel c) { AT(gx, i) = value(i, c); }
#ifdef EIGHTS
#include "eights.glsl"
void put_pair(uint i, Channel c)
{
    Pair g = PAIR(gy, i), v = g;
    if (TRAIN == 1)
        v = PAIR(x, i);
    PUT_PAIR(gx, i, slope(g.a, v.a, c), slope(g.b, v.b, c));
}
void put_pair_both(uint i, uint end, Channel c, Channel d)
{
    Pair g = PAIR(gy, i), v = g;
    if (TRAIN == 1)
        v = PAIR(x, i);
    PUT_PAIR(gx, i, mix(slope(g.a, v.a, d), slope(g.a, v.a, c), before(i, end)),
             mix(slope(g.b, v.b, d), slope(g.b, v.b, c), before(i + 1, end)));
}
#endif
#if VEC == 4
void put_both(uint i, Channel a, Channel b, bvec4 own) { AT(gx, i) = mix(value(i, b), value(i, a), own); }
#endif
#include "channels-walk.glsl"
