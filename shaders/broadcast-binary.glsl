#version 450
// z = f(x, y) over up to six axes with numpy's broadcasting: a stride of 0 repeats an operand.
#include "common.glsl"
#include "axes.glsl"

layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint TYPE = 0;
layout(constant_id = 3) const uint AXES = 6; // in use, 1 to 6
#include "binary.glsl"

READS(0, uint, x);
READS(1, uint, y);
WRITES(2, uint, z);
layout(push_constant) uniform Push {
    OFFSETS(3); uint n;
    uint d1; uint d2; uint d3; uint d4; uint d5;
    uint x0; uint x1; uint x2; uint x3; uint x4; uint x5;
    uint y0; uint y1; uint y2; uint y3; uint y4; uint y5;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at[6] = axes(i, uint[5](p.d1, p.d2, p.d3, p.d4, p.d5), AXES);
        uint a = AT(x, place(at, uint[6](p.x0, p.x1, p.x2, p.x3, p.x4, p.x5)));
        uint b = AT(y, place(at, uint[6](p.y0, p.y1, p.y2, p.y3, p.y4, p.y5)));
        AT(z, i) = of_words(a, b);
    }
}
