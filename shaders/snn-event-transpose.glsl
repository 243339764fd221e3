#version 450
// The transpose of a matrix whose sizes are multiples of 4, in tiles of 4 x 4: four loads and four stores an invocation.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer X { vec4 x[]; }; // (rows, columns)
layout(std430, binding = 1) writeonly buffer Y { vec4 y[]; }; // (columns, rows)
layout(push_constant) uniform Push {
    uint x_at; uint y_at;
    uint rows4; uint columns4; // sizes / 4
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows4 * p.columns4; i += stride()) {
        uint row = i / p.columns4, column = i % p.columns4;
        mat4 tile;
        for (uint k = 0; k < 4; k++)
            tile[k] = x[p.x_at + (row * 4 + k) * p.columns4 + column];
        tile = transpose(tile);
        for (uint k = 0; k < 4; k++)
            y[p.y_at + (column * 4 + k) * p.rows4 + row] = tile[k];
    }
}
