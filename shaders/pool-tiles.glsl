#version 450
// variants: vec4
// Pooling by windows that lie side by side and are not padded: as pool.glsl, every input loaded once.  The variant of
// four takes windows two wide, two of them at a time.
#include "common.glsl"
#include "divided.glsl"
#include "nan.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint MAXIMUM = 0, FIXED = 1; // else by what is inside, as in pool.glsl
layout(constant_id = 2) const uint KH = 2; // size of a window
layout(constant_id = 3) const uint KW = 2;
layout(constant_id = 4) const uint WHOLE = 1; // no window reaches over the end
layout(constant_id = 5) const uint INDEX = 0;

#if VEC == 4
#define RESULT vec2
#define PLACE uvec2
#define LOAD(at) vec4 line = AT(x, at)
#define VALUE(at, kx) ((kx) == 0 ? line.xz : line.yw)
#else
#define RESULT float
#define PLACE uint
#define LOAD(at)
#define VALUE(at, kx) AT(x, (at) + (kx))
#endif

READS(0, REAL, x); // (planes, h, w)
WRITES(1, RESULT, y); // (planes, oh, ow)
WRITES(2, PLACE, index); // (planes, oh, ow) in the plane
layout(push_constant) uniform Push {
    OFFSETS(3); uint planes; uint h; uint w; uint oh; uint ow; // w, ow: in units of REAL and RESULT
    uint run; uint runs; // what an invocation takes of a row of the result, and how many do
    float divisor;
} p;

const uint WIDE = VEC == 4 ? 1 : KW; // a window's row, in units of REAL

bool better(float v, float best) { return !is_nan(best) && (v > best || is_nan(v)); } // the first, and the first NaN

void take(inout float best, inout uint place, float v, uint at)
{
    if (better(v, best)) {
        best = v;
        place = at;
    }
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.planes * p.oh * p.runs; i += stride()) {
        uvec2 part = divided(i, p.runs), row = divided(part.x, p.oh); // row: plane, oy
        uint top = row.y * KH, from = part.y * p.run, base = (row.x * p.h + top) * p.w;
        uint high = WHOLE == 1 ? KH : min(KH, p.h - top);
        for (uint ox = from; ox < min(p.ow, from + p.run); ox++) {
            uint left = ox * WIDE, wide = WHOLE == 1 || VEC == 4 ? KW : min(KW, p.w - left);
            RESULT result = RESULT(0);
            uint at = base + left, to = part.x * p.ow + ox;
            if (KIND == MAXIMUM) {
                uint corner = top * p.w * VEC + left * VEC;
                PLACE place = PLACE(corner);
#if VEC == 4
                place.y += KW;
#endif
                for (uint ky = 0; ky < KH; ky++) {
                    if (WHOLE == 0 && ky >= high)
                        break;
                    LOAD(at + ky * p.w);
                    for (uint kx = 0; kx < KW; kx++) {
                        if (WHOLE == 0 && kx >= wide)
                            break;
                        uint here = corner + ky * p.w * VEC + kx;
                        RESULT v = VALUE(at + ky * p.w, kx);
                        if (ky == 0 && kx == 0) {
                            result = v;
                            continue;
                        }
#if VEC == 4
                        take(result.x, place.x, v.x, here);
                        take(result.y, place.y, v.y, here + KW);
#else
                        take(result, place, v, here);
#endif
                    }
                }
                if (INDEX == 1)
                    AT(index, to) = place;
            } else {
                for (uint ky = 0; ky < KH; ky++) {
                    if (WHOLE == 0 && ky >= high)
                        break;
                    LOAD(at + ky * p.w);
                    for (uint kx = 0; kx < KW; kx++)
                        if (WHOLE == 1 || kx < wide)
                            result += VALUE(at + ky * p.w, kx);
                }
                result /= KIND == FIXED ? p.divisor : float(high * wide);
            }
            AT(y, to) = result;
        }
    }
}
