#version 450
// Joins the parts of batch-norm-stats to mean and biased variance (Chan, Golub & LeVeque, 1983), and moves the running
// statistics (unbiased variance) by `momentum`, or with AVERAGE to the mean over all batches so far.  Means but the
// running one are less the group's first value, which comes after them.
#include "common.glsl"
layout(constant_id = 1) const uint RUNNING = 0;
layout(constant_id = 2) const uint AVERAGE = 0;

READS(0, float, s); // (3, sets, parts) count, mean, squared deviations
WRITES(1, float, mean); // (2, sets)
WRITES(2, float, variance);
CHANGES(3, float, running_mean);
CHANGES(4, float, running_var);
READS(5, int, batches); // (sets / channels), with this one
READS(6, float, x); // (samples, channels, inner)
layout(push_constant) uniform Push {
    OFFSETS(7); uint sets; uint channels; uint inner; uint members; uint parts; float momentum;
    float times; // how often each value stands in the run that the running variance is of
} p;

void main()
{
    for (uint g = gl_GlobalInvocationID.x; g < p.sets; g += stride()) {
        float centre = 0.0, squares = 0.0, have = 0.0;
        for (uint k = 0; k < p.parts; k++) {
            uint at = BEGIN(s) + g * p.parts + k;
            float more = s[at];
            if (more > 0.0) {
                float own = s[at + p.sets * p.parts], d = own - centre, total = have + more;
                centre = have == 0.0 ? own : centre + d * (more / total);
                squares += s[at + 2 * p.sets * p.parts] + (have == 0.0 ? 0.0 : d * d * (have * (more / total)));
                have = total;
            }
        }
        float base = AT(x, (g / p.channels * p.members * p.channels + g % p.channels) * p.inner);
        AT(mean, g) = centre;
        AT(mean, p.sets + g) = base;
        AT(variance, g) = squares / have;
        if (RUNNING == 1) {
            float step = AVERAGE == 1 ? 1.0 / float(AT(batches, g / p.channels)) : p.momentum;
            uint m = BEGIN(running_mean) + g, v = BEGIN(running_var) + g;
            running_mean[m] = (1.0 - step) * running_mean[m] + step * (base + centre);
            running_var[v] = (1.0 - step) * running_var[v] + step * (squares * p.times / (have * p.times - 1.0));
        }
    }
}
