#version 450
// The postsynaptic factor of the BCM rule, c = y * (y - theta), and its threshold over T steps:
// theta += blend * (mean over the batch of y^2 - theta), after the step has used it (Bienenstock et al. 1982).
#include "common.glsl"

layout(std430, binding = 0) readonly buffer Y { float y[]; }; // (T, batch, out)
layout(std430, binding = 1) buffer Theta { float theta[]; }; // (out)
layout(std430, binding = 2) writeonly buffer C { float c[]; }; // (T, batch, out)
layout(push_constant) uniform Push {
    uint y_at; uint theta_at; uint c_at;
    uint outs; uint batch; uint steps;
    float blend;
} p;

void main()
{
    for (uint o = gl_GlobalInvocationID.x; o < p.outs; o += stride()) {
        float limit = theta[p.theta_at + o];
        for (uint t = 0; t < p.steps; t++) {
            float power = 0;
            for (uint m = 0; m < p.batch; m++) {
                uint at = (t * p.batch + m) * p.outs + o;
                float now = y[p.y_at + at];
                c[p.c_at + at] = now * (now - limit);
                power += now * now;
            }
            precise float mean = power / float(p.batch);
            limit += p.blend * (mean - limit);
        }
        theta[p.theta_at + o] = limit;
    }
}
