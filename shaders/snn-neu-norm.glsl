#version 450
// variants: vec4
// NeuNorm over T steps: the mean over the channels of each pixel, low-passed in time, is taken off all channels of it.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint SHARED = 0; // one weight for all channels
layout(constant_id = 2) const uint STORE = 0;

READS(0, REAL, x); // (T, samples, channels, inner)
READS(1, REAL, w); // (channels or 1, inner)
READS(2, REAL, m0); // (samples, inner)
WRITES(3, REAL, y);
WRITES(4, REAL, trace); // (T, samples, inner) the state after each step
WRITES(5, REAL, m); // (samples, inner) after the last
layout(push_constant) uniform Push {
    OFFSETS(6); uint steps; uint samples; uint channels; uint inner;
    uint given; float start; // m0 holds the first state, else it is `start`
    float k; float share;
} p;

void main()
{
    uint n = p.samples * p.inner;
    for (uint i = gl_GlobalInvocationID.x; i < n; i += stride()) {
        precise REAL state = p.given == 1 ? AT(m0, i) : REAL(p.start);
        for (uint t = 0; t < p.steps; t++) {
            uint at = (t * p.samples + i / p.inner) * p.channels * p.inner + i % p.inner;
            REAL sum = REAL(0);
            for (uint c = 0; c < p.channels; c++)
                sum += AT(x, at + c * p.inner);
            state = p.k * state + p.share * sum;
            for (uint c = 0; c < p.channels; c++)
                AT(y, at + c * p.inner) =
                    AT(x, at + c * p.inner) - AT(w, (SHARED == 1 ? 0 : c * p.inner) + i % p.inner) * state;
            if (STORE == 1)
                AT(trace, t * n + i) = state;
        }
        AT(m, i) = state;
    }
}
