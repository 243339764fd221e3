#version 450
// variants: vec4
// Backpropagation through time of NeuNorm: gradients of the input and of the first state.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint SHARED = 0;

layout(std430, binding = 0) readonly buffer Gy { REAL gy[]; }; // (T, samples, channels, inner)
layout(std430, binding = 1) readonly buffer W { REAL w[]; }; // (channels or 1, inner)
layout(std430, binding = 2) readonly buffer Gend { REAL gend[]; }; // (samples, inner) of the last state
layout(std430, binding = 3) writeonly buffer Gx { REAL gx[]; };
layout(std430, binding = 4) writeonly buffer Gm { REAL gm[]; }; // (samples, inner) of the first
layout(push_constant) uniform Push {
    uint gy_at; uint w_at; uint gend_at; uint gx_at; uint gm_at;
    uint steps; uint samples; uint channels; uint inner;
    uint has_gend;
    float k; float share;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.samples * p.inner; i += stride()) {
        REAL g = p.has_gend == 1 ? gend[p.gend_at + i] : REAL(0);
        for (uint t = p.steps; t-- > 0;) {
            uint at = (t * p.samples + i / p.inner) * p.channels * p.inner + i % p.inner;
            REAL sum = REAL(0);
            for (uint c = 0; c < p.channels; c++)
                sum += w[p.w_at + (SHARED == 1 ? 0 : c * p.inner) + i % p.inner] * gy[p.gy_at + at + c * p.inner];
            g -= sum;
            for (uint c = 0; c < p.channels; c++)
                gx[p.gx_at + at + c * p.inner] = gy[p.gy_at + at + c * p.inner] + p.share * g;
            g *= p.k;
        }
        gm[p.gm_at + i] = g;
    }
}
