#version 450
// `on` at each row's class, `off` at the others; NaN in the rows whose class does not exist.
#include "common.glsl"
#include "divided.glsl"

READS(0, int, target); // (rows)
WRITES(1, float, y); // (rows, n)
layout(push_constant) uniform Push { OFFSETS(2); uint rows; uint n; float on; float off; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uvec2 at = divided(i, p.n);
        uint wanted = uint(AT(target, at.x)); // negative ones become large
        float value = wanted == at.y ? p.on : p.off;
        AT(y, i) = wanted < p.n ? value : uintBitsToFloat(0x7FC00000u);
    }
}
