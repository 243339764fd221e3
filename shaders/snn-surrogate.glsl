#version 450
// variants: vec4
// A surrogate's three faces: the hard step that runs forward, g times its derivative, and its primitive.
#include "common.glsl"
#include "vector.glsl"
#include "special.glsl"
#include "surrogate.glsl"

layout(constant_id = 1) const uint MODE = 0; // 0: step, 1: derivative, 2: primitive, 3: step that is 0 at 0
layout(constant_id = 2) const uint SURROGATE = 1;
layout(constant_id = 3) const uint HAS_G = 0;

READS(0, REAL, x); // distance to the threshold
READS(1, REAL, g);
WRITES(2, REAL, y);
layout(push_constant) uniform Push { OFFSETS(3); uint n; float alpha; float beta; } p;

// The antiderivative that is 1/2 at 0.
REAL primitive(uint kind, REAL z, float a, float b)
{
    REAL y = abs(z), half_ = REAL(0.5);
    if (kind == ATAN)
        return half_ + arctangent(z * (1.5707963267948966 * a)) * 0.3183098861837907;
    if (kind == SIGMOID)
        return logistic(a * z);
    if (kind == FAST_SIGMOID)
        return half_ + 0.5 * a * z / (REAL(1) + a * y);
    if (kind == SUPER_SPIKE || kind == SCALED)
        return half_ + (kind == SCALED ? b : 1.0) * z / (REAL(1) + a * y);
    if (kind == PIECEWISE_QUADRATIC) {
        REAL x = within(z, REAL(-1.0 / a), REAL(1.0 / a));
        return half_ + a * x - (0.5 * a * a) * x * abs(x);
    }
    if (kind == ERF)
        return half_ + 0.5 * error_function(a * z);
    if (kind == RECT)
        return within(half_ + a * z, REAL(0), REAL(1));
    if (kind == TANH)
        return half_ + hyperbolic_tangent(a * z) / a;
    if (kind == BOXCAR)
        return half_ + b * within(z, REAL(-0.5 * a), REAL(0.5 * a));
    REAL x = within(z, REAL(-1.0 / a), REAL(1.0 / a)); // TRIANGULAR
    return half_ + x - (0.5 * a) * x * abs(x);
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL z = AT(x, i);
        if (MODE == 0)
            AT(y, i) = REAL(AT_LEAST(z, REAL(0)));
        else if (MODE == 3)
            AT(y, i) = REAL(ABOVE(z, REAL(0)));
        else if (MODE == 1)
            AT(y, i) = (HAS_G == 1 ? AT(g, i) : REAL(1)) * surrogate(SURROGATE, z, p.alpha, p.beta);
        else
            AT(y, i) = primitive(SURROGATE, z, p.alpha, p.beta);
    }
}
