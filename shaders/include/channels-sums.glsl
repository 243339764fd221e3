// Long sums over the members of each group of x (samples, channels, inner), in `parts`: one (group, part) an invocation,
// or with TEAM a workgroup, whose lanes take `across` neighbours of each row.
// The kernel gives `void row(uint first, uint last)` for elements first..last of a row's stretch.
layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint COLUMNS = 0; // inner is 1; with four elements at a time each is a channel
#include "team.glsl"
layout(constant_id = 3) const uint RAGGED = 0; // rows need not begin and end where four elements do
const uint WIDE = COLUMNS == 1 ? VEC : 1; // groups an invocation

// Where stretch `k` of group `g` begins and ends: `cuts` stretches a row.
uvec2 stretch(uint g, uint k)
{
    uint row = (g / p.channels * p.members + k / p.cuts) * p.channels + g % p.channels, at = row * p.inner;
    if (COLUMNS == 1)
        return uvec2(at, at + VEC);
    uint length = (p.inner + p.cuts - 1) / p.cuts, from = min(p.inner, k % p.cuts * length);
    return at + uvec2(from, min(p.inner, from + length));
}

// Four elements that begin at 4 * j, with 0 for those that are not of first..last.  By eights, which is RAGGED
// and without TEAM and COLUMNS, what such a load takes beyond the tensor's end is of the same block of memory.
#if VEC == 4
vec4 inside(vec4 v, uint j, uvec2 of)
{
    uvec4 e = 4 * j + uvec4(0, 1, 2, 3);
    if (RAGGED == 1 && (4 * j < of.x || 4 * j + 4 > of.y))
        v = mix(vec4(0), v, BOTH(greaterThanEqual(e, uvec4(of.x)), lessThan(e, uvec4(of.y))));
    return v;
}
#else
#define inside(v, j, of) (v)
#endif
