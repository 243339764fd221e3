#version 450
// Joins the stretches of snn-squeeze in order: sums times `scale`, and the first largest with its place.
#include "common.glsl"
#include "nan.glsl"

READS(0, float, s); // (2, parts, groups)
READS(1, uint, places); // (parts, groups)
WRITES(2, float, y); // (2, groups)
WRITES(3, uint, where); // (groups)
layout(push_constant) uniform Push { OFFSETS(4); uint count; uint parts; float scale; } p;

void main()
{
    for (uint g = gl_GlobalInvocationID.x; g < p.count; g += stride()) {
        float sum = 0.0, best = AT(s, p.parts * p.count + g);
        uint at = AT(places, g);
        for (uint k = 0; k < p.parts; k++) {
            sum += AT(s, k * p.count + g);
            float v = AT(s, (p.parts + k) * p.count + g);
            if (!is_nan(best) && (is_nan(v) || v > best)) {
                best = v;
                at = AT(places, k * p.count + g);
            }
        }
        AT(y, g) = sum * p.scale;
        AT(y, p.count + g) = best;
        AT(where, g) = at;
    }
}
