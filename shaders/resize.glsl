#version 450
// Planes (h, w) resized to (oh, ow): the nearest input, or linear between the two or four nearest.
#include "common.glsl"
#include "divided.glsl"

layout(constant_id = 1) const uint MODE = 0;
#include "resizing.glsl"

READS(0, float, x); // (planes, h, w)
WRITES(1, float, y); // (planes, oh, ow)
layout(push_constant) uniform Push {
    OFFSETS(2); uint planes; uint h; uint w; uint oh; uint ow;
    float scale_y; float scale_x;
} p;

void main()
{
    Resized rows = Resized(p.h, p.oh, p.scale_y), cols = Resized(p.w, p.ow, p.scale_x);
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.oh * p.ow; i += stride()) {
        uvec2 col = divided(i, p.ow), row = divided(col.x, p.oh);
        Taps a = taps(rows, row.y), b = taps(cols, col.y);
        uint at = BEGIN(x) + row.x * p.h * p.w;
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
        AT(y, i) = v;
    }
}
