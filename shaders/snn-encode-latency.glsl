#version 450
// variants: vec4
// One spike an element, the earlier the stronger it is: at round((1 - clip(x, 0, 1)) * last), or in the logarithmic
// form at round(log(clip(x, floor, 1)) * slope) with slope = last / log(floor).  x <= 0 and NaN never fire.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint LOGARITHMIC = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (n)
layout(std430, binding = 1) writeonly buffer S { REAL s[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint s_at;
    uint n; uint start; uint steps;
    float last; float least; float slope;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL level = x[p.x_at + i];
        precise REAL at;
        if (LOGARITHMIC == 1)
            at = roundEven(log(clamp(level, REAL(p.least), REAL(1.0))) * p.slope);
        else
            at = roundEven((1.0 - clamp(level, REAL(0.0), REAL(1.0))) * p.last);
        TEST fires = ABOVE(level, REAL(0.0));
        for (uint t = 0; t < p.steps; t++)
            s[p.s_at + t * p.n + i] = REAL(BOTH(fires, EQUAL(at, REAL(float(p.start + t)))));
    }
}
