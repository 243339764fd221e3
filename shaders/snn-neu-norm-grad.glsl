#version 450
// variants: vec4
// Backpropagation through time of NeuNorm: gradients of the input and of the first state.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint SHARED = 0;

READS(0, REAL, gy); // (T, samples, channels, inner)
READS(1, REAL, w); // (channels or 1, inner)
READS(2, REAL, gend); // (samples, inner) of the last state
WRITES(3, REAL, gx);
WRITES(4, REAL, gm); // (samples, inner) of the first
layout(push_constant) uniform Push {
    OFFSETS(5); uint steps; uint samples; uint channels; uint inner;
    uint has_gend;
    float k; float share;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.samples * p.inner; i += stride()) {
        REAL g = p.has_gend == 1 ? AT(gend, i) : REAL(0);
        for (uint t = p.steps; t-- > 0;) {
            uint at = (t * p.samples + i / p.inner) * p.channels * p.inner + i % p.inner;
            REAL sum = REAL(0);
            for (uint c = 0; c < p.channels; c++)
                sum += AT(w, (SHARED == 1 ? 0 : c * p.inner) + i % p.inner) * AT(gy, at + c * p.inner);
            g -= sum;
            for (uint c = 0; c < p.channels; c++)
                AT(gx, at + c * p.inner) = AT(gy, at + c * p.inner) + p.share * g;
            g *= p.k;
        }
        AT(gm, i) = g;
    }
}
