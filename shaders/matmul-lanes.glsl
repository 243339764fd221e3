#version 450
// The products of matmul.glsl where every lane's load costs the same (lavapipe).
#extension GL_KHR_shader_subgroup_ballot : require
#include "common.glsl"

layout(std430, binding = 0) readonly buffer A { vec4 a[]; };
layout(std430, binding = 1) readonly buffer B { vec4 b[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; }; // (n), added to every row
layout(std430, binding = 3) writeonly buffer C { float c[]; };
layout(push_constant) uniform Push {
    uint a_at; uint b_at; uint bias_at; uint c_at;
    uint batch; uint m; uint n; uint k; // sizes in elements; k a multiple of 4
    uint a_batch; uint b_batch; // elements between batches; 0 repeats
    uint biased;
} p;

#define A_ROW (FORM == 2 ? p.m : p.k)
#define B_ROW (FORM == 1 ? p.k : p.n)
#define C_ROW p.n
#define A_START(batch) ((batch) * p.a_batch)
#define B_START(batch) ((batch) * p.b_batch)
#define C_START(batch) ((batch) * p.m * p.n)
#define MORE(col) four_of_bias(col)
#define DONE(sum, more) ((sum) + (more))

vec4 four_of_bias(uint col)
{
    vec4 more = vec4(0);
    for (uint y = 0; y < 4; y++)
        if (p.biased == 1 && col + y < p.n)
            more[y] = bias[p.bias_at + col + y];
    return more;
}

#include "product-lanes.glsl"
