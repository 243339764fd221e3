#version 450
// Element-wise losses, summed into `parts` numbers: part k sums elements k, k + parts, ... in order.
#include "common.glsl"
#include "vector.glsl"
#include "functions.glsl"
layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint WEIGHT = 0;
layout(constant_id = 3) const uint POSITIVE = 0;
#include "losses.glsl"

READS(0, float, x);
READS(1, float, t);
READS(2, float, weight); // repeats after `weights` elements
READS(3, float, positive); // repeats after `positives`
WRITES(4, float, y);
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint parts; uint weights; uint positives; float beta;
} p;

void main()
{
    for (uint part = gl_GlobalInvocationID.x; part < p.parts; part += stride()) {
        float sum = 0.0;
        for (uint i = part; i < p.n; i += p.parts) {
            float more = POSITIVE == 1 ? AT(positive, i % p.positives) : 1.0;
            float loss = loss_of(AT(x, i), AT(t, i), p.beta, more);
            sum += WEIGHT == 1 ? loss * AT(weight, i % p.weights) : loss;
        }
        AT(y, part) = sum;
    }
}
