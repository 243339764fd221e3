#version 450
// variants: vec4
// z = f(x, y) over up to six axes with numpy's broadcasting: a stride of 0 repeats an operand.
#include "common.glsl"
#include "vector.glsl"
#include "axes.glsl"

layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint TYPE = 0;
layout(constant_id = 3) const uint AXES = 6; // in use, 1 to 6
layout(constant_id = 4) const uint SIDE = BESIDE; // how four elements of x lie
layout(constant_id = 5) const uint SIDE_Y = BESIDE;
#include "binary.glsl"

READS(0, COUNT, x);
READS(1, COUNT, y);
WRITES(2, COUNT, z);
layout(push_constant) uniform Push {
    OFFSETS(3); uint n;
    SIZES;
    uint x0; uint x1; uint x2; uint x3; uint x4; uint x5;
    uint y0; uint y1; uint y2; uint y3; uint y4; uint y5;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at[6] = AXES_OF(i);
        uint from_x = place(at, uint[6](p.x0, p.x1, p.x2, p.x3, p.x4, p.x5));
        uint from_y = place(at, uint[6](p.y0, p.y1, p.y2, p.y3, p.y4, p.y5));
#if VEC == 4
        uvec4 a = SIDE == SAME ? uvec4(AT(x, from_x >> 2)[from_x & 3u]) : AT(x, from_x);
        uvec4 b = SIDE_Y == SAME ? uvec4(AT(y, from_y >> 2)[from_y & 3u]) : AT(y, from_y);
        AT(z, i) = uvec4(of_words(a.x, b.x), of_words(a.y, b.y), of_words(a.z, b.z), of_words(a.w, b.w));
#else
        AT(z, i) = of_words(AT(x, from_x), AT(y, from_y));
#endif
    }
}
