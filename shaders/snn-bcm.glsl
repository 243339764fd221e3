#version 450
// The postsynaptic factor of the BCM rule, c = y * (y - theta), and its threshold over T steps:
// theta += blend * (mean over the batch of y^2 - theta), after the step has used it (Bienenstock et al. 1982).
#include "common.glsl"

READS(0, float, y); // (T, batch, out)
CHANGES(1, float, theta); // (out)
WRITES(2, float, c); // (T, batch, out)
layout(push_constant) uniform Push {
    OFFSETS(3); uint outs; uint batch; uint steps;
    float blend;
} p;

void main()
{
    for (uint o = gl_GlobalInvocationID.x; o < p.outs; o += stride()) {
        float limit = AT(theta, o);
        for (uint t = 0; t < p.steps; t++) {
            float power = 0;
            for (uint m = 0; m < p.batch; m++) {
                uint at = (t * p.batch + m) * p.outs + o;
                float now = AT(y, at);
                AT(c, at) = now * (now - limit);
                power += now * now;
            }
            precise float mean = power / float(p.batch);
            limit += p.blend * (mean - limit);
        }
        AT(theta, o) = limit;
    }
}
