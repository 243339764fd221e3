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

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer T { float t[]; };
layout(std430, binding = 2) readonly buffer Weight { float weight[]; };
layout(std430, binding = 3) readonly buffer Positive { float positive[]; };
layout(std430, binding = 4) readonly buffer G { float g[]; };
layout(std430, binding = 5) writeonly buffer Gx { float gx[]; };
layout(push_constant) uniform Push {
    uint x_at; uint t_at; uint weight_at; uint positive_at; uint g_at; uint gx_at;
    uint n; uint weights; uint positives; float beta; float scale;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        float more = POSITIVE == 1 ? positive[p.positive_at + i % p.positives] : 1.0;
        vec2 slopes = slopes_of(x[p.x_at + i], t[p.t_at + i], p.beta, more);
        float w = WEIGHT == 1 ? weight[p.weight_at + i % p.weights] : 1.0;
        gx[p.gx_at + i] = (OF_TARGET == 1 ? slopes.y : slopes.x) * w * p.scale * g[p.g_at + (EACH == 1 ? i : 0)];
    }
}
