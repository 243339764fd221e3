#version 450
// Element-wise losses, summed into `parts` numbers: part k sums elements k, k + parts, ... in order.
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"
layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint WEIGHT = 0;
layout(constant_id = 3) const uint POSITIVE = 0;
#include "losses.glsl"

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer T { float t[]; };
layout(std430, binding = 2) readonly buffer Weight { float weight[]; }; // repeats after `weights` elements
layout(std430, binding = 3) readonly buffer Positive { float positive[]; }; // repeats after `positives`
layout(std430, binding = 4) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push {
    uint x_at; uint t_at; uint weight_at; uint positive_at; uint y_at;
    uint n; uint parts; uint weights; uint positives; float beta;
} p;

void main()
{
    for (uint part = gl_GlobalInvocationID.x; part < p.parts; part += stride()) {
        float sum = 0.0;
        for (uint i = part; i < p.n; i += p.parts) {
            float more = POSITIVE == 1 ? positive[p.positive_at + i % p.positives] : 1.0;
            float loss = loss_of(x[p.x_at + i], t[p.t_at + i], p.beta, more);
            sum += WEIGHT == 1 ? loss * weight[p.weight_at + i % p.weights] : loss;
        }
        y[p.y_at + part] = sum;
    }
}
