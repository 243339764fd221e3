#version 450
// variants: vec4
// A delay line: what came in the last `lag` steps, and then T new steps, in one array; and the last steps of that kept.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint BITS = 0; // the input is booleans

READS(0, COUNT, x); // (T, n) words
CHANGES(1, COUNT, kept); // (lag, n) words of float32
WRITES(2, COUNT, line); // (lag + T, n)
layout(push_constant) uniform Push { OFFSETS(3); uint n; uint steps; uint lag; } p;

COUNT fresh(uint at)
{
    COUNT word = AT(x, at);
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
            AT(line, t * p.n + i) = t < p.lag ? AT(kept, t * p.n + i) : fresh((t - p.lag) * p.n + i);
        for (uint k = 0; k < p.lag; k++) { // reads what no earlier round has written
            uint from = k + p.steps;
            AT(kept, k * p.n + i) =
                from < p.lag ? AT(kept, from * p.n + i) : fresh((from - p.lag) * p.n + i);
        }
    }
}
