#version 450
// variants: vec4
// One spike an element at the step round(min(time, last)), the earlier the larger x; none where x <= silent or NaN.
#include "common.glsl"
#include "vector.glsl"
#include "strict.glsl"

layout(constant_id = 1) const uint FORM = 0;
layout(constant_id = 2) const uint NORMALIZE = 0; // CHARGING: 1: the time of the lowest x is the last step
layout(constant_id = 3) const uint STRICT = 0; // 1: NaN where x is not in [0, 1], or, CHARGING, negative
const uint LINEAR = 0, RATIO = 1, CHARGING = 2, EXPONENTIAL = 3;
const float SHORTEST = 1e-7; // distance from the threshold, in CHARGING

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (n)
layout(std430, binding = 1) readonly buffer Lowest { float lowest[]; }; // (1)
layout(std430, binding = 2) writeonly buffer S { REAL s[]; }; // (T, n)
layout(push_constant) uniform Push {
    uint x_at; uint lowest_at; uint s_at;
    uint n; uint start; uint steps;
    float last; float least; float slope; float silent;
} p;

// log(v / (v - least)): when a capacitor that v charges reaches `least`.
#define CHARGE(v) log(1.0 + p.least / max((v) - p.least, SHORTEST))

void main()
{
    float slope = p.slope;
    if (NORMALIZE == 1) {
        float v = lowest[p.lowest_at];
        slope = p.last / max(CHARGE(v), 1e-30);
    }
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL level = x[p.x_at + i];
        REAL inside = clamp(level, REAL(0.0), REAL(1.0));
        precise REAL at;
        if (FORM == LINEAR)
            at = (1.0 - max(inside, p.least)) * slope;
        else if (FORM == RATIO)
            at = log(clamp(level, REAL(p.least), REAL(1.0))) * slope;
        else if (FORM == CHARGING)
            at = CHARGE(level) * slope;
        else
            at = -log(inside + (1.0 - inside) * p.least);
        at = roundEven(min(at, p.last));
        TEST fires = ABOVE(level, REAL(p.silent));
        for (uint t = 0; t < p.steps; t++) {
            REAL spike = REAL(BOTH(fires, EQUAL(at, REAL(float(p.start + t)))));
            s[p.s_at + t * p.n + i] = STRICT == 1 ? strict(spike, level, FORM == CHARGING ? 3e38 : 1.0) : spike;
        }
    }
}
