#version 450
// variants: vec4
// x / sqrt(mean(x^2) + eps), over the last axis, times a weight for each element.
#include "common.glsl"
#include "vector.glsl"
#include "rows.glsl"

layout(constant_id = 1) const uint WEIGHT = 0;

READS(0, REAL, x); // (rows, width)
READS(1, REAL, weight); // (width)
WRITES(2, REAL, y); // (rows, width)
layout(push_constant) uniform Push {
    OFFSETS(3); uint rows; uint width; float eps;
} p;

void main()
{
    for (uint row = gl_WorkGroupID.x; row < p.rows; row += groups()) {
        uint from = BEGIN(x) + row * p.width, to = BEGIN(y) + row * p.width;
        REAL squares = REAL(0.0);
        for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x)
            squares += x[from + i] * x[from + i];
        float rms = sqrt(row_sum(TOTAL(squares)) / float(p.width * VEC) + p.eps);
        for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x) {
            REAL scaled = x[from + i] / rms;
            y[to + i] = WEIGHT == 1 ? scaled * AT(weight, i) : scaled;
        }
    }
}
