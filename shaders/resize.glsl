#version 450
// Planes (h, w) resized to (oh, ow): the nearest input, or linear between the two or four nearest.
#include "common.glsl"

layout(constant_id = 1) const uint MODE = 0;
#include "resizing.glsl"

layout(std430, binding = 0) readonly buffer X { float x[]; }; // (planes, h, w)
layout(std430, binding = 1) writeonly buffer Y { float y[]; }; // (planes, oh, ow)
layout(push_constant) uniform Push {
    uint x_at; uint y_at;
    uint planes; uint h; uint w; uint oh; uint ow;
    float scale_y; float scale_x;
} p;

void main()
{
    Resized rows = Resized(p.h, p.oh, p.scale_y), cols = Resized(p.w, p.ow, p.scale_x);
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.oh * p.ow; i += stride()) {
        Taps a = taps(rows, i / p.ow % p.oh), b = taps(cols, i % p.ow);
        uint at = p.x_at + i / p.ow / p.oh * p.h * p.w;
        float v = x[at + a.first * p.w + b.first];
        if (MODE == LINEAR || MODE == CORNERS) {
            float above = (1.0 - b.share) * v, below = 0.0;
            if (b.share > 0.0)
                above += b.share * x[at + a.first * p.w + b.second];
            if (a.share > 0.0) {
                below = (1.0 - b.share) * x[at + a.second * p.w + b.first];
                if (b.share > 0.0)
                    below += b.share * x[at + a.second * p.w + b.second];
                v = (1.0 - a.share) * above + a.share * below;
            } else
                v = above;
        }
        y[p.y_at + i] = v;
    }
}
