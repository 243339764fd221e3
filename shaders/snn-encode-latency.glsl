#version 450
// variants: vec4
// One spike an element at the step round(min(time, last)), the earlier the larger x; none where x <= silent or NaN.
#include "common.glsl"
#include "vector.glsl"
#include "special.glsl"
#include "strict.glsl"

layout(constant_id = 1) const uint FORM = 0;
layout(constant_id = 2) const uint NORMALIZE = 0; // CHARGING: 1: the time of the lowest x is the last step
layout(constant_id = 3) const uint STRICT = 0; // 1: NaN where x is not in [0, 1], or, CHARGING, negative
const uint LINEAR = 0, RATIO = 1, CHARGING = 2, EXPONENTIAL = 3;
const float SHORTEST = 1e-7; // distance from the threshold, in CHARGING
const float LIFT = 18446744073709551616.0, LIFT_LOG = 44.3614195558365; // 2^64 and its logarithm

READS(0, REAL, x); // (n)
READS(1, float, lowest); // (1)
WRITES(2, REAL, s); // (T, n)
layout(push_constant) uniform Push {
    OFFSETS(3); uint n; uint start; uint steps;
    uint latest; float least; float slope; float silent;
} p;

// log(v / (v - least)): when a capacitor that v charges reaches `least`.
REAL charge(REAL v)
{
    REAL over = p.least / max(v - p.least, REAL(SHORTEST));
    return mix(logarithm(1.0 + over), log1p_small(min(over, REAL(1.0))), ABOVE(REAL(1.0), over));
}

// -log(v + (1 - v) * least), with `slope` = least * LIFT: what is too small for float32, where drivers differ, is lifted.
REAL falling(REAL v, float last)
{
    TEST small = ABOVE(REAL(8.7e-19), v);
    REAL sum = mix(v + (1.0 - v) * p.least, v * LIFT + (1.0 - v) * p.slope, small);
    REAL at = mix(REAL(0.0), REAL(LIFT_LOG), small) - logarithm(max(sum, REAL(1e-30)));
    return mix(REAL(last), at, ABOVE(sum, REAL(0.0)));
}

void main()
{
    float last = float(p.latest), slope = p.slope;
    float bound = FORM == RATIO ? p.least : FORM == EXPONENTIAL ? 0.0 : p.silent; // what is not above it comes last
    if (NORMALIZE == 1) {
        bound = AT(lowest, 0);
        slope = last / max(FIRST(charge(REAL(bound))), 1e-30);
    }
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL level = AT(x, i);
        REAL inside = clamp(level, REAL(0.0), REAL(1.0));
        precise REAL at;
        if (FORM == LINEAR)
            at = (1.0 - max(inside, p.least)) * slope;
        else if (FORM == RATIO)
            at = logarithm(clamp(level, REAL(p.least), REAL(1.0))) * slope;
        else if (FORM == CHARGING)
            at = charge(level) * slope;
        else
            at = falling(inside, last);
        TEST fires = ABOVE(level, REAL(p.silent));
        at = mix(REAL(0.0), roundEven(clamp(at, REAL(0.0), REAL(last))), fires); // no NaN is made a whole number
        // The ends are exact, whatever log and rounding did; float32 has no odd steps from 2^24 on.
        COUNT when = mix(COUNT(at), COUNT(p.latest), AT_LEAST(at, REAL(last)));
        when = mix(when, COUNT(p.latest), AT_LEAST(REAL(bound), level));
        for (uint t = 0; t < p.steps; t++) {
            REAL spike = REAL(BOTH(fires, EQUAL(when, COUNT(p.start + t))));
            AT(s, t * p.n + i) = STRICT == 1 ? strict(spike, level, FORM == CHARGING ? 3e38 : 1.0) : spike;
        }
    }
}
