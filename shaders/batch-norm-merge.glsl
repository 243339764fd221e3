#version 450
// Joins the parts of batch-norm-stats to mean and biased variance (Chan, Golub & LeVeque, 1983), and moves the running
// statistics (unbiased variance) by `momentum`, or with AVERAGE to the mean over all batches so far.  Means but the
// running one are less the group's first value, which comes after them.
#include "common.glsl"
layout(constant_id = 1) const uint RUNNING = 0;
layout(constant_id = 2) const uint AVERAGE = 0;

layout(std430, binding = 0) readonly buffer S { float s[]; }; // (3, sets, parts) count, mean, squared deviations
layout(std430, binding = 1) writeonly buffer Mean { float mean[]; }; // (2, sets)
layout(std430, binding = 2) writeonly buffer Variance { float variance[]; };
layout(std430, binding = 3) buffer RunningMean { float running_mean[]; };
layout(std430, binding = 4) buffer RunningVar { float running_var[]; };
layout(std430, binding = 5) readonly buffer Batches { int batches[]; }; // (sets / channels), with this one
layout(std430, binding = 6) readonly buffer X { float x[]; }; // (samples, channels, inner)
layout(push_constant) uniform Push {
    uint s_at; uint mean_at; uint variance_at; uint running_mean_at; uint running_var_at; uint batches_at; uint x_at;
    uint sets; uint channels; uint inner; uint members; uint parts; float momentum;
} p;

void main()
{
    for (uint g = gl_GlobalInvocationID.x; g < p.sets; g += stride()) {
        float centre = 0.0, squares = 0.0, have = 0.0;
        for (uint k = 0; k < p.parts; k++) {
            uint at = p.s_at + g * p.parts + k;
            float more = s[at];
            if (more > 0.0) {
                float own = s[at + p.sets * p.parts], d = own - centre, total = have + more;
                centre = have == 0.0 ? own : centre + d * (more / total);
                squares += s[at + 2 * p.sets * p.parts] + (have == 0.0 ? 0.0 : d * d * (have * (more / total)));
                have = total;
            }
        }
        float base = x[p.x_at + (g / p.channels * p.members * p.channels + g % p.channels) * p.inner];
        mean[p.mean_at + g] = centre;
        mean[p.mean_at + p.sets + g] = base;
        variance[p.variance_at + g] = squares / have;
        if (RUNNING == 1) {
            float step = AVERAGE == 1 ? 1.0 / float(batches[p.batches_at + g / p.channels]) : p.momentum;
            uint m = p.running_mean_at + g, v = p.running_var_at + g;
            running_mean[m] = (1.0 - step) * running_mean[m] + step * (base + centre);
            running_var[v] = (1.0 - step) * running_var[v] + step * (squares / (have - 1.0));
        }
    }
}
