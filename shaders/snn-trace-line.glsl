#version 450
// variants: vec4
// A delay line: what came in the last `lag` steps, and then T new steps, in one array; and the last steps of that kept.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint BITS = 0; // the input is booleans

layout(std430, binding = 0) readonly buffer X { COUNT x[]; }; // (T, n) words
layout(std430, binding = 1) buffer Kept { COUNT kept[]; }; // (lag, n) words of float32
layout(std430, binding = 2) writeonly buffer Line { COUNT line[]; }; // (lag + T, n)
layout(push_constant) uniform Push { uint x_at; uint kept_at; uint line_at; uint n; uint steps; uint lag; } p;

COUNT fresh(uint at)
{
    COUNT word = x[p.x_at + at];
#if VEC == 4
    return BITS == 1 ? floatBitsToUint(vec4(notEqual(word, uvec4(0)))) : word;
#else
    return BITS == 1 ? floatBitsToUint(float(word != 0)) : word;
#endif
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        for (uint t = 0; t < p.lag + p.steps; t++)
            line[p.line_at + t * p.n + i] = t < p.lag ? kept[p.kept_at + t * p.n + i] : fresh((t - p.lag) * p.n + i);
        for (uint k = 0; k < p.lag; k++) { // reads what no earlier round has written
            uint from = k + p.steps;
            kept[p.kept_at + k * p.n + i] =
                from < p.lag ? kept[p.kept_at + from * p.n + i] : fresh((from - p.lag) * p.n + i);
        }
    }
}
