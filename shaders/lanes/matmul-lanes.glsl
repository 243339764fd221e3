#version 450
// The products of matmul.glsl where every lane's load costs the same (lavapipe).
#extension GL_KHR_shader_subgroup_ballot : require
#include "common.glsl"

layout(constant_id = 3) const uint BIAS = 0;

READS(0, vec4, a);
READS(1, vec4, b);
READS(2, float, bias); // (n), added to every row
WRITES(3, float, c);
#include "matmul-places.glsl"
#define MORE(col) four_of_bias(col)
#define DONE(sum, more) ((sum) + (more))

vec4 four_of_bias(uint col)
{
    vec4 more = vec4(0);
    for (uint y = 0; y < 4; y++)
        if (BIAS == 1 && col + y < p.n)
            more[y] = AT(bias, col + y);
    return more;
}

#include "product-lanes.glsl"
