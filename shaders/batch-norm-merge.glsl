#version 450
// Joins the parts of batch-norm-stats to mean and biased variance (Chan, Golub & LeVeque, 1983), and moves the running
// statistics (unbiased variance) by `momentum`, or with AVERAGE to the mean over all batches so far.  Means but the
// running one are less the channel's first element.
#include "common.glsl"
layout(constant_id = 1) const uint RUNNING = 0;
layout(constant_id = 2) const uint AVERAGE = 0;

layout(std430, binding = 0) readonly buffer S { float s[]; }; // (channels, parts, 2)
layout(std430, binding = 1) writeonly buffer Mean { float mean[]; };
layout(std430, binding = 2) writeonly buffer Variance { float variance[]; };
layout(std430, binding = 3) buffer RunningMean { float running_mean[]; };
layout(std430, binding = 4) buffer RunningVar { float running_var[]; };
layout(std430, binding = 5) readonly buffer Batches { int batches[]; }; // with this one
layout(std430, binding = 6) readonly buffer X { float x[]; }; // (.., channels, inner)
layout(push_constant) uniform Push {
    uint s_at; uint mean_at; uint variance_at; uint running_mean_at; uint running_var_at; uint batches_at; uint x_at;
    uint channels; uint inner; uint parts; uint count; float momentum;
} p;

void main()
{
    uint length = (p.count + p.parts - 1) / p.parts;
    for (uint c = gl_GlobalInvocationID.x; c < p.channels; c += stride()) {
        float centre = 0.0, squares = 0.0, have = 0.0;
        for (uint k = 0; k < p.parts; k++) {
            uint first = min(p.count, k * length);
            float more = float(min(p.count, first + length) - first);
            if (more > 0.0) {
                uint at = p.s_at + 2 * (c * p.parts + k);
                float d = s[at] - centre, total = have + more;
                centre = k == 0 ? s[at] : centre + d * (more / total);
                squares += s[at + 1] + (k == 0 ? 0.0 : d * d * (have * (more / total)));
                have = total;
            }
        }
        mean[p.mean_at + c] = centre;
        variance[p.variance_at + c] = squares / have;
        if (RUNNING == 1) {
            float step = AVERAGE == 1 ? 1.0 / float(batches[p.batches_at]) : p.momentum;
            uint m = p.running_mean_at + c, v = p.running_var_at + c;
            running_mean[m] = (1.0 - step) * running_mean[m] + step * (x[p.x_at + c * p.inner] + centre);
            running_var[v] = (1.0 - step) * running_var[v] + step * (squares / (have - 1.0));
        }
    }
}
