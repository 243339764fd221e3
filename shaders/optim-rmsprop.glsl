#version 450
// RMSprop (Tieleman & Hinton, lecture 6.5, 2012; centered: Graves, arXiv:1308.0850) in PyTorch's form.
#include "optim.glsl"

layout(constant_id = 1) const uint MOMENTUM = 0;
layout(constant_id = 2) const uint CENTERED = 0;

void main()
{
    next_step();
    float rate = NUMBER(0), weight_decay = NUMBER(1), alpha = NUMBER(2), share = NUMBER(3); // 1 - alpha
    float eps = NUMBER(4), momentum = NUMBER(5);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise vec4 w = AT(param, i), g = gradient(i), v = PLANE(0, i);
        if (weight_decay != 0.0)
            g += weight_decay * w;
        v = v * alpha + share * (g * g);
        PLANE(0, i) = v;
        if (CENTERED == 1) {
            const uint k = 1 + MOMENTUM;
            precise vec4 mean = PLANE(k, i);
            mean += (g - mean) * share;
            PLANE(k, i) = mean;
            v = v - mean * mean;
            v = mix(v, vec4(0.0), lessThan(v, vec4(0.0))); // NaN stays
        }
        g = g / (sqrt(v) + eps);
        if (MOMENTUM == 1) {
            g = momentum * PLANE(1, i) + g;
            PLANE(1, i) = g;
        }
        w -= rate * g;
        AT(param, i) = w;
    }
}
