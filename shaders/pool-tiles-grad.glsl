#version 450
// variants: vec4
// Gradient of pool-tiles: each window's goes to its inputs, and those that no window holds get none; every element is
// written once.
#include "common.glsl"
#include "divided.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint MAXIMUM = 0, FIXED = 1; // as in pool-tiles
layout(constant_id = 2) const uint KH = 2;
layout(constant_id = 3) const uint KW = 2;
layout(constant_id = 4) const uint WHOLE = 1; // the windows fill the plane

#if VEC == 4
#define RESULT vec2
#define PLACE uvec2
#else
#define RESULT float
#define PLACE uint
#endif

READS(0, RESULT, g); // (planes, oh, ow)
READS(1, PLACE, index); // (planes, oh, ow) of the maxima
WRITES(2, REAL, y); // (planes, h, w)
layout(push_constant) uniform Push {
    OFFSETS(3); uint planes; uint h; uint w; uint oh; uint ow; // w, ow: in units of REAL and RESULT
    uint rows; uint cols; // windows that cover a plane; those past oh and ow are of inputs that none holds
    uint run; uint runs; // as in pool-tiles, of cols
    float divisor;
} p;

const uint WIDE = VEC == 4 ? 1 : KW; // a window's row, in units of REAL

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.rows * p.runs; i += stride()) {
        uvec2 part = divided(i, p.runs), row = divided(part.x, p.rows); // row: plane, oy
        uint top = row.y * KH, from = part.y * p.run, base = (row.x * p.h + top) * p.w;
        uint high = WHOLE == 1 ? KH : min(KH, p.h - top);
        for (uint ox = from; ox < min(p.cols, from + p.run); ox++) {
            uint left = ox * WIDE, wide = WHOLE == 1 || VEC == 4 ? KW : min(KW, p.w - left);
            uint at = (row.x * p.oh + row.y) * p.ow + ox;
            RESULT given = RESULT(0);
            PLACE place = PLACE(0xFFFFFFFFu);
            if (WHOLE == 1 || (row.y < p.oh && ox < p.ow)) {
                given = AT(g, at);
                if (KIND == MAXIMUM)
                    place = AT(index, at);
                else
                    given /= KIND == FIXED ? p.divisor : float(high * wide);
            }
            uint here = (top * p.w + left) * VEC;
            for (uint ky = 0; ky < KH; ky++, here += p.w * VEC) {
                if (WHOLE == 0 && ky >= high)
                    break;
                uint to = base + left + ky * p.w;
#if VEC == 4
                REAL own = given.xxyy;
                if (KIND == MAXIMUM)
                    own = mix(REAL(0), own, EQUAL(place.xxyy, here + uvec4(0, 1, 2, 3)));
                AT(y, to) = own;
#else
                for (uint kx = 0; kx < KW; kx++)
                    if (WHOLE == 1 || kx < wide)
                        AT(y, to + kx) = KIND != MAXIMUM || place == here + kx ? given : 0.0;
#endif
            }
        }
    }
}
