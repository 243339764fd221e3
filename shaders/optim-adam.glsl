#version 450
// Adam (Kingma & Ba, ICLR 2015), AdamW (Loshchilov & Hutter, ICLR 2019) and AMSGrad (Reddi et al., ICLR 2018).
#include "optim.glsl"

layout(constant_id = 1) const uint DECOUPLED = 0; // weight decay on the parameter itself: AdamW
layout(constant_id = 2) const uint AMSGRAD = 0;

void main()
{
    uint t = next_step();
    float rate = NUMBER(0), weight_decay = NUMBER(1), beta2 = NUMBER(2), eps = NUMBER(3);
    float new1 = NUMBER(4), new2 = NUMBER(5); // 1 - beta1, 1 - beta2
    precise float size = rate / one_minus_power(NUMBER(6), t);
    precise float root = sqrt(one_minus_power(NUMBER(7), t));
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        precise vec4 w = AT(param, i), g = gradient(i), m = PLANE(0, i), v = PLANE(1, i);
        if (DECOUPLED == 1)
            w *= 1.0 - rate * weight_decay;
        else if (weight_decay != 0.0)
            g += weight_decay * w;
        m += (g - m) * new1;
        v = v * beta2 + new2 * (g * g);
        PLANE(0, i) = m;
        PLANE(1, i) = v;
        if (AMSGRAD == 1) {
            v = mix(v, PLANE(2, i), greaterThan(PLANE(2, i), v)); // NaN stays
            PLANE(2, i) = v;
        }
        w -= size * (m / (sqrt(v) / root + eps));
        AT(param, i) = w;
    }
}
