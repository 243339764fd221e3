#version 450
// variants: vec4
// Excites x (T, B, C, S) by a score for each of its groups: y = x * score.  With GRAD x is the gradient of y, and y
// becomes that of x: x * score + mean's gradient / members, and the maximum's where the member is the largest.
#include "common.glsl"
#include "vector.glsl"
layout(constant_id = 1) const uint GRAD = 0;
layout(constant_id = 2) const uint ACROSS = 0; // neighbours are of different groups

READS(0, REAL, x);
READS(1, float, score); // (groups)
READS(2, float, g); // (2, groups): gradients of mean and maximum
READS(3, uint, where); // (groups)
WRITES(4, REAL, y);
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint count; // elements, as loads; groups
    uint span; uint turns; uint beside; // element i is of group i / span % turns * beside + i % beside
    uint whole; uint inner; uint inner_step; // and is its member i / whole * inner + i / inner_step % inner
    float scale;
} p;

float one(float value, uint group, uint member)
{
    float out_value = value * AT(score, group);
    if (GRAD == 1) {
        out_value += AT(g, group) * p.scale;
        if (AT(where, group) == member)
            out_value += AT(g, p.count + group);
    }
    return out_value;
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
#if VEC == 4
        uint e = i * 4;
        uint group = e / p.span % p.turns * p.beside + e % p.beside;
        uint member = e / p.whole * p.inner + e / p.inner_step % p.inner;
        vec4 value = AT(x, i);
        for (uint v = 0; v < 4; v++)
            value[v] = one(value[v], ACROSS == 1 ? group + v : group, ACROSS == 1 ? member : member + v);
        AT(y, i) = value;
#else
        uint group = i / p.span % p.turns * p.beside + i % p.beside;
        AT(y, i) = one(AT(x, i), group, i / p.whole * p.inner + i / p.inner_step % p.inner);
#endif
    }
}
