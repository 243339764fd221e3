#version 450
// variants: vec4
// z = f(x, y) for operands of one shape.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint OP = 0;
layout(constant_id = 2) const uint TYPE = 0;
#include "binary.glsl"

layout(std430, binding = 0) readonly buffer X { COUNT x[]; };
layout(std430, binding = 1) readonly buffer Y { COUNT y[]; };
layout(std430, binding = 2) writeonly buffer Z { COUNT z[]; };
layout(push_constant) uniform Push { uint x_at; uint y_at; uint z_at; uint n; } p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        COUNT a = x[p.x_at + i], b = y[p.y_at + i];
#if VEC == 4
        z[p.z_at + i] = uvec4(of_words(a.x, b.x), of_words(a.y, b.y), of_words(a.z, b.z), of_words(a.w, b.w));
#else
        z[p.z_at + i] = of_words(a, b);
#endif
    }
}
