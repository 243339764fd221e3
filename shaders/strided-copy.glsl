#version 450
// variants: vec4
// Copies (or adds) a box of up to six axes from one layout to another: transposes, slices, repeats, joins, pads.
#include "common.glsl"
#include "vector.glsl"
#include "axes.glsl"

layout(constant_id = 1) const uint ADD = 0; // 1: add floats to what is there
layout(constant_id = 2) const uint AXES = 6; // in use, 1 to 6
layout(constant_id = 3) const uint SIDE = BESIDE; // how four elements of the source lie

READS(0, COUNT, src);
CHANGES(1, COUNT, dst);
layout(push_constant) uniform Push {
    OFFSETS(2); uint n; uint src_start; uint dst_start;
    SIZES;
    uint s0; uint s1; uint s2; uint s3; uint s4; uint s5;
    uint t0; uint t1; uint t2; uint t3; uint t4; uint t5;
} p;

#if VEC == 4
uint one(uint i) { return AT(src, i >> 2)[i & 3u]; }
#endif

COUNT taken(uint i)
{
#if VEC == 4
    if (SIDE == SAME)
        return uvec4(one(i));
    uint step = uint(int(p.s5) >> 2); // of one element
    if (SIDE == APART)
        return uvec4(one(i), one(i + step), one(i + 2 * step), one(i + 3 * step));
#endif
    return AT(src, i);
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at[6] = AXES_OF(i);
        COUNT x = taken(p.src_start + place(at, uint[6](p.s0, p.s1, p.s2, p.s3, p.s4, p.s5)));
        uint to = BEGIN(dst) + p.dst_start + place(at, uint[6](p.t0, p.t1, p.t2, p.t3, p.t4, p.t5));
        if (ADD == 1)
            dst[to] = floatBitsToUint(uintBitsToFloat(dst[to]) + uintBitsToFloat(x));
        else
            dst[to] = x;
    }
}
