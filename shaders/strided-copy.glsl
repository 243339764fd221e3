#version 450
// Copies (or adds) a box of up to six axes from one layout to another: transposes, slices, repeats, joins, pads.
#include "common.glsl"
#include "axes.glsl"

layout(constant_id = 1) const uint ADD = 0; // 1: add floats to what is there
layout(constant_id = 2) const uint AXES = 6; // in use, 1 to 6

READS(0, uint, src);
CHANGES(1, uint, dst);
layout(push_constant) uniform Push {
    OFFSETS(2); uint n; uint src_start; uint dst_start;
    uint d1; uint d2; uint d3; uint d4; uint d5;
    uint s0; uint s1; uint s2; uint s3; uint s4; uint s5;
    uint t0; uint t1; uint t2; uint t3; uint t4; uint t5;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at[6] = axes(i, uint[5](p.d1, p.d2, p.d3, p.d4, p.d5), AXES);
        uint from = BEGIN(src) + p.src_start + place(at, uint[6](p.s0, p.s1, p.s2, p.s3, p.s4, p.s5));
        uint to = BEGIN(dst) + p.dst_start + place(at, uint[6](p.t0, p.t1, p.t2, p.t3, p.t4, p.t5));
        dst[to] = ADD == 1 ? floatBitsToUint(uintBitsToFloat(dst[to]) + uintBitsToFloat(src[from])) : src[from];
    }
}
