#version 450
// The transpose of a matrix whose sizes are multiples of 4, in tiles of 4 x 4: four loads and four stores an invocation.
#include "common.glsl"

READS(0, vec4, x); // (rows, columns)
WRITES(1, vec4, y); // (columns, rows)
layout(push_constant) uniform Push {
    OFFSETS(2); uint rows4; uint columns4; // sizes / 4
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows4 * p.columns4; i += stride()) {
        uint row = i / p.columns4, column = i % p.columns4;
        mat4 tile;
        for (uint k = 0; k < 4; k++)
            tile[k] = AT(x, (row * 4 + k) * p.columns4 + column);
        tile = transpose(tile);
        for (uint k = 0; k < 4; k++)
            AT(y, (column * 4 + k) * p.rows4 + row) = tile[k];
    }
}
