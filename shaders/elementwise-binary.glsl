#version 450
// variants: vec4
// z = f(x, y) for operands of one shape.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint TYPE = 0;
#include "binary.glsl"

READS(0, COUNT, x);
READS(1, COUNT, y);
WRITES(2, COUNT, z);
layout(push_constant) uniform Push { OFFSETS(3); uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT a = AT(x, i), b = AT(y, i);
#if VEC == 4
        AT(z, i) = uvec4(of_words(a.x, b.x), of_words(a.y, b.y), of_words(a.z, b.z), of_words(a.w, b.w));
#else
        AT(z, i) = of_words(a, b);
#endif
    }
}
