#version 450
// `on` at each row's class, `off` at the others; NaN in the rows whose class does not exist.
#include "common.glsl"

layout(std430, binding = 0) readonly buffer Target { int target[]; }; // (rows)
layout(std430, binding = 1) writeonly buffer Y { float y[]; }; // (rows, n)
layout(push_constant) uniform Push { uint target_at; uint y_at; uint rows; uint n; float on; float off; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint wanted = uint(target[p.target_at + i / p.n]); // negative ones become large
        float value = wanted == i % p.n ? p.on : p.off;
        y[p.y_at + i] = wanted < p.n ? value : uintBitsToFloat(0x7FC00000u);
    }
}
