#version 450
// Which floats are NaN, infinite or neither, by their bits: drivers may assume that there is no NaN.
#include "common.glsl"

layout(constant_id = 1) const uint KIND = 0; // 0 NaN, 1 infinite, 2 finite

READS(0, uint, x);
WRITES(1, uint, y);
layout(push_constant) uniform Push { OFFSETS(2); uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint size = AT(x, i) & 0x7FFFFFFFu;
        AT(y, i) = uint(KIND == 0 ? size > 0x7F800000u : KIND == 1 ? size == 0x7F800000u : size < 0x7F800000u);
    }
}
