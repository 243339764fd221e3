#version 450
// variants: vec4
// Softmax over the last axis, shifted by the row's maximum.
#include "common.glsl"
#include "vector.glsl"
#include "math.glsl"
#include "rows.glsl"

READS(0, REAL, x); // (rows, width)
WRITES(1, REAL, y); // (rows, width)
layout(push_constant) uniform Push { OFFSETS(2); uint rows; uint width; } p;

void main()
{
    for (uint row = gl_WorkGroupID.x; row < p.rows; row += groups()) {
        uint from = BEGIN(x) + row * p.width, to = BEGIN(y) + row * p.width;
        REAL high = REAL(uintBitsToFloat(0xFF800000u)); // -Inf
        for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x)
            high = max(high, x[from + i]);
        float top = row_max(WIDEST(high));
        REAL sum = REAL(0.0);
        for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x)
            sum += quick_exponential(x[from + i] - top);
        float all = row_sum(TOTAL(sum));
        for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x)
            y[to + i] = quick_exponential(x[from + i] - top) / all;
    }
}
