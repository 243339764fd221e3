#version 450
// Gradient of 2-d pooling: each input gathers from the windows that hold it, in order.
#include "common.glsl"
#include "divided.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint MAXIMUM = 0, FIXED = 1, WITH_PAD = 2, WITHOUT_PAD = 3; // as in pool.glsl
layout(constant_id = 2) const uint ADAPTIVE = 0;
layout(constant_id = 3) const uint STEP_Y = 1; // constants, so that a quotient by one is a product
layout(constant_id = 4) const uint STEP_X = 1;

#include "windows.glsl"

READS(0, float, g); // (planes, oh, ow)
READS(1, uint, index); // (planes, oh, ow) of the maxima
WRITES(2, float, y); // (planes, h, w)
layout(push_constant) uniform Push {
    OFFSETS(3); uint planes; uint h; uint w; uint oh; uint ow; uint kh; uint kw;
    uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    uint run; uint runs; // inputs of a row that an invocation takes, and how many do
    float divisor;
} p;

void main()
{
    Axis rows = Axis(p.h, p.oh, p.kh, STEP_Y, p.pad_y, p.gap_y);
    Axis cols = Axis(p.w, p.ow, p.kw, STEP_X, p.pad_x, p.gap_x);
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.h * p.runs; i += stride()) {
        uvec2 part = divided(i, p.runs), row = divided(part.x, p.h); // row: plane, iy
        uvec2 a = holders(rows, row.y);
        for (uint ix = part.y * p.run; ix < min(p.w, (part.y + 1) * p.run); ix++) {
            uvec2 b = holders(cols, ix);
            float sum = 0.0;
            for (uint oy = a.x; oy <= a.y; oy++) {
                uvec3 tall = window(rows, oy);
                for (uint ox = b.x; ox <= b.y; ox++) {
                    uint at = (row.x * p.oh + oy) * p.ow + ox;
                    if (KIND == MAXIMUM) {
                        float given = AT(g, at); // before the test: lavapipe's branches cost more than loads
                        sum += AT(index, at) == row.y * p.w + ix ? given : 0.0;
                        continue;
                    }
                    uvec3 wide = window(cols, ox);
                    sum += AT(g, at) / (KIND == FIXED ? p.divisor
                        : float(KIND == WITH_PAD ? tall.z * wide.z : (tall.y - tall.x) * (wide.y - wide.x)));
                }
            }
            AT(y, part.x * p.w + ix) = sum;
        }
    }
}
