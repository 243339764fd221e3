#version 450
// Stochastic gradient descent with momentum (Sutskever et al., ICML 2013) in PyTorch's form.
#include "optim.glsl"

layout(constant_id = 1) const uint MOMENTUM = 0;
layout(constant_id = 2) const uint NESTEROV = 0;

void main()
{
    bool first = next_step() == 1;
    float rate = NUMBER(0), weight_decay = NUMBER(1), momentum = NUMBER(2), share = NUMBER(3); // 1 - dampening
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise vec4 w = AT(param, i), g = gradient(i);
        if (weight_decay != 0.0)
            g += weight_decay * w;
        if (MOMENTUM == 1) {
            precise vec4 v = g;
            if (!first)
                v = momentum * PLANE(0, i) + share * g;
            PLANE(0, i) = v;
            g = NESTEROV == 1 ? g + momentum * v : v;
        }
        w -= rate * g;
        AT(param, i) = w;
    }
}
