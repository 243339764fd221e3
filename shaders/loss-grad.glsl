#version 450
// Gradient of an element-wise loss for x, or (OF_TARGET) for its target, times `scale`.
// EACH: one gradient of the loss for each element, else one for all.
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"
layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint WEIGHT = 0;
layout(constant_id = 3) const uint POSITIVE = 0;
layout(constant_id = 4) const uint EACH = 0;
layout(constant_id = 5) const uint OF_TARGET = 0;
#include "losses.glsl"

READS(0, float, x);
READS(1, float, t);
READS(2, float, weight);
READS(3, float, positive);
READS(4, float, g);
WRITES(5, float, gx);
layout(push_constant) uniform Push {
    OFFSETS(6); uint n; uint weights; uint positives; float beta; float scale;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        float more = POSITIVE == 1 ? AT(positive, i % p.positives) : 1.0;
        vec2 slopes = slopes_of(AT(x, i), AT(t, i), p.beta, more);
        float w = WEIGHT == 1 ? AT(weight, i % p.weights) : 1.0;
        AT(gx, i) = (OF_TARGET == 1 ? slopes.y : slopes.x) * w * p.scale * AT(g, EACH == 1 ? i : 0);
    }
}
