#version 450
// Gradient of resize: each input gathers from the results that took something from it, in order.
#include "common.glsl"
#include "divided.glsl"

layout(constant_id = 1) const uint MODE = 0;
#include "resizing.glsl"

READS(0, float, g); // (planes, oh, ow)
WRITES(1, float, y); // (planes, h, w)
layout(push_constant) uniform Push {
    OFFSETS(2); uint planes; uint h; uint w; uint oh; uint ow;
    float scale_y; float scale_x;
} p;

void main()
{
    Resized rows = Resized(p.h, p.oh, p.scale_y), cols = Resized(p.w, p.ow, p.scale_x);
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.h * p.w; i += stride()) {
        uvec2 along = divided(i, p.w), down = divided(along.x, p.h);
        uint row = down.y, col = along.y, at = BEGIN(g) + down.x * p.oh * p.ow;
        uvec2 a = takers(rows, row), b = takers(cols, col);
        float sum = 0.0;
        for (uint oy = a.x; oy < a.y; oy++) {
            float tall = part(rows, oy, row);
            if (tall > 0.0)
                for (uint ox = b.x; ox < b.y; ox++) {
                    float both = tall * part(cols, ox, col);
                    if (both > 0.0)
                        sum += both * g[at + oy * p.ow + ox];
                }
        }
        AT(y, i) = sum;
    }
}
