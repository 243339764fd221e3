#version 450
// variants: vec4
// NeuNorm over T steps: the mean over the channels of each pixel, low-passed in time, is taken off all channels of it.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint SHARED = 0; // one weight for all channels
layout(constant_id = 2) const uint STORE = 0;

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, samples, channels, inner)
layout(std430, binding = 1) readonly buffer W { REAL w[]; }; // (channels or 1, inner)
layout(std430, binding = 2) readonly buffer M0 { REAL m0[]; }; // (samples, inner)
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; };
layout(std430, binding = 4) writeonly buffer Trace { REAL trace[]; }; // (T, samples, inner) the state after each step
layout(std430, binding = 5) writeonly buffer M { REAL m[]; }; // (samples, inner) after the last
layout(push_constant) uniform Push {
    uint x_at; uint w_at; uint m0_at; uint y_at; uint trace_at; uint m_at;
    uint steps; uint samples; uint channels; uint inner;
    uint given; float start; // m0 holds the first state, else it is `start`
    float k; float share;
} p;

void main()
{
    uint n = p.samples * p.inner;
    for (uint i = gl_GlobalInvocationID.x; i < n; i += stride()) {
        precise REAL state = p.given == 1 ? m0[p.m0_at + i] : REAL(p.start);
        for (uint t = 0; t < p.steps; t++) {
            uint at = (t * p.samples + i / p.inner) * p.channels * p.inner + i % p.inner;
            REAL sum = REAL(0);
            for (uint c = 0; c < p.channels; c++)
                sum += x[p.x_at + at + c * p.inner];
            state = p.k * state + p.share * sum;
            for (uint c = 0; c < p.channels; c++)
                y[p.y_at + at + c * p.inner] =
                    x[p.x_at + at + c * p.inner] - w[p.w_at + (SHARED == 1 ? 0 : c * p.inner) + i % p.inner] * state;
            if (STORE == 1)
                trace[p.trace_at + t * n + i] = state;
        }
        m[p.m_at + i] = state;
    }
}
