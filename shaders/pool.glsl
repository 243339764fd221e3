#version 450
// 2-d pooling of (planes, h, w): the maximum of a window and where it was, or its sum over a divisor.
#include "common.glsl"
#include "nan.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint MAXIMUM = 0, FIXED = 1, WITH_PAD = 2, WITHOUT_PAD = 3; // by what a sum is divided
layout(constant_id = 2) const uint ADAPTIVE = 0;
layout(constant_id = 3) const uint INDEX = 0;

#include "windows.glsl"

READS(0, float, x); // (planes, h, w)
WRITES(1, float, y); // (planes, oh, ow)
WRITES(2, uint, index); // (planes, oh, ow) in the plane
layout(push_constant) uniform Push {
    OFFSETS(3); uint planes; uint h; uint w; uint oh; uint ow; uint kh; uint kw;
    uint stride_y; uint stride_x; uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    float divisor;
} p;


void main()
{
    Axis rows = Axis(p.h, p.oh, p.kh, p.stride_y, p.pad_y, p.gap_y);
    Axis cols = Axis(p.w, p.ow, p.kw, p.stride_x, p.pad_x, p.gap_x);
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.oh * p.ow; i += stride()) {
        uint ox = i % p.ow, oy = i / p.ow % p.oh, at = BEGIN(x) + i / p.ow / p.oh * p.h * p.w;
        float result;
        if (KIND == MAXIMUM) {
            uint best = 0xFFFFFFFFu;
            result = uintBitsToFloat(0xFF800000u);
            for (uint ky = 0; ky < p.kh; ky++)
                for (uint kx = 0; kx < p.kw; kx++) {
                    uint iy = oy * p.stride_y + ky * p.gap_y - p.pad_y; // wraps outside
                    uint ix = ox * p.stride_x + kx * p.gap_x - p.pad_x;
                    if (iy >= p.h || ix >= p.w)
                        continue;
                    float v = x[at + iy * p.w + ix];
                    // The first maximum, and the first NaN before any number.
                    if (best == 0xFFFFFFFFu || (!is_nan(result) && (v > result || is_nan(v)))) {
                        result = v;
                        best = iy * p.w + ix;
                    }
                }
            if (INDEX == 1)
                AT(index, i) = best;
        } else {
            uvec3 a = window(rows, oy), b = window(cols, ox);
            float sum = 0.0;
            for (uint iy = a.x; iy < a.y; iy++)
                for (uint ix = b.x; ix < b.y; ix++)
                    sum += x[at + iy * p.w + ix];
            result = sum / (KIND == FIXED ? p.divisor : float(KIND == WITH_PAD ? a.z * b.z : (a.y - a.x) * (b.y - b.x)));
        }
        AT(y, i) = result;
    }
}
