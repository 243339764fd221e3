// What all optimizers share: four parameters an invocation, their gradients, planes of state, and the control
// words: numbers of the group (learning rate first), then a count of steps for each workgroup.  Every workgroup
// counts its own copy up, so that no other dispatch is needed; the host fixes their number.
#include "common.glsl"
#include "math.glsl"

CHANGES(0, vec4, param);
READS(1, vec4, grad);
CHANGES(2, vec4, state); // (planes, whole)
CHANGES(3, uint, control);
layout(push_constant) uniform Push {
    OFFSETS(4); uint n; uint whole;
} p;

const uint NUMBERS = 16; // grilly_vk/optim/optimizer.py
#define NUMBER(i) uintBitsToFloat(AT(control, i))
#define PLANE(k, i) AT(state, (k) * p.whole + (i))

layout(constant_id = 3) const uint MAXIMIZE = 0; // uphill instead of downhill

vec4 gradient(uint i) { return MAXIMIZE == 1 ? -AT(grad, i) : AT(grad, i); }

shared uint step_now;

// The number of this step, from 1.  Every invocation must come here, once.
uint next_step()
{
    if (gl_LocalInvocationID.x == 0) {
        uint at = BEGIN(control) + NUMBERS + gl_WorkGroupID.x;
        step_now = control[at] + 1;
        control[at] = step_now;
    }
    barrier();
    return step_now;
}

// 1 - beta**t from log(beta), without cancellation for beta near 1: -expm1 by its series, or directly.
float one_minus_power(float log_beta, uint t)
{
    precise float x = log_beta * float(t);
    precise float series = 1.0 + x / 10.0;
    for (float k = 9.0; k > 1.5; k -= 1.0)
        series = 1.0 + x / k * series;
    return x > -0.5 ? -x * series : 1.0 - exponential(x);
}
