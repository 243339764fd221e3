#version 450
// Joins the stretches of snn-squeeze in order: sums times `scale`, and the first largest with its place.
#include "common.glsl"
#include "nan.glsl"

layout(std430, binding = 0) readonly buffer S { float s[]; }; // (2, parts, groups)
layout(std430, binding = 1) readonly buffer Places { uint places[]; }; // (parts, groups)
layout(std430, binding = 2) writeonly buffer Y { float y[]; }; // (2, groups)
layout(std430, binding = 3) writeonly buffer Where { uint where[]; }; // (groups)
layout(push_constant) uniform Push { uint s_at; uint places_at; uint y_at; uint where_at; uint count; uint parts; float scale; } p;

void main()
{
    for (uint g = gl_GlobalInvocationID.x; g < p.count; g += stride()) {
        float sum = 0.0, best = s[p.s_at + p.parts * p.count + g];
        uint at = places[p.places_at + g];
        for (uint k = 0; k < p.parts; k++) {
            sum += s[p.s_at + k * p.count + g];
            float v = s[p.s_at + (p.parts + k) * p.count + g];
            if (!is_nan(best) && (is_nan(v) || v > best)) {
                best = v;
                at = places[p.places_at + k * p.count + g];
            }
        }
        y[p.y_at + g] = sum * p.scale;
        y[p.y_at + p.count + g] = best;
        where[p.where_at + g] = at;
    }
}
