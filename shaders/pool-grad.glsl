#version 450
// Gradient of 2-d pooling: each input gathers from the windows that hold it, in order.
#include "common.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint MAXIMUM = 0, FIXED = 1, WITH_PAD = 2, WITHOUT_PAD = 3; // as in pool.glsl
layout(constant_id = 2) const uint ADAPTIVE = 0;

#include "windows.glsl"

READS(0, float, g); // (planes, oh, ow)
READS(1, uint, index); // (planes, oh, ow) of the maxima
WRITES(2, float, y); // (planes, h, w)
layout(push_constant) uniform Push {
    OFFSETS(3); uint planes; uint h; uint w; uint oh; uint ow; uint kh; uint kw;
    uint stride_y; uint stride_x; uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    float divisor;
} p;

void main()
{
    Axis rows = Axis(p.h, p.oh, p.kh, p.stride_y, p.pad_y, p.gap_y);
    Axis cols = Axis(p.w, p.ow, p.kw, p.stride_x, p.pad_x, p.gap_x);
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.h * p.w; i += stride()) {
        uint plane = i / (p.h * p.w), here = i % (p.h * p.w);
        uvec2 a = holders(rows, here / p.w), b = holders(cols, here % p.w);
        float sum = 0.0;
        for (uint oy = a.x; oy <= a.y; oy++) {
            uvec3 tall = window(rows, oy);
            for (uint ox = b.x; ox <= b.y; ox++) {
                uint at = (plane * p.oh + oy) * p.ow + ox;
                if (KIND == MAXIMUM) {
                    if (AT(index, at) == here)
                        sum += AT(g, at);
                    continue;
                }
                uvec3 wide = window(cols, ox);
                sum += AT(g, at) / (KIND == FIXED ? p.divisor
                    : float(KIND == WITH_PAD ? tall.z * wide.z : (tall.y - tall.x) * (wide.y - wide.x)));
            }
        }
        AT(y, i) = sum;
    }
}
