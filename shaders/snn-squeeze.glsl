#version 450
// variants: vec4
// Squeezes x (T, B, C, S) for attention over time, channels or places: mean and maximum of each group of elements, and
// which of them is the first largest; or with DOT the sum of x * gy.  Groups and their members: see ops/squeeze.py.
// One (group, stretch of its members) an invocation.  ACROSS: neighbours are of different groups, else of the same.
#include "common.glsl"
#include "vector.glsl"
#include "nan.glsl"
layout(constant_id = 1) const uint DOT = 0;
layout(constant_id = 2) const uint ACROSS = 0;

READS(0, REAL, x);
READS(1, REAL, gy);
WRITES(2, float, y); // (1 or 2, parts, groups): sums, and largest
WRITES(3, uint, where); // (parts, groups)
layout(push_constant) uniform Push {
    OFFSETS(4); uint count; uint parts; uint members;
    uint beside; uint step; // group g begins at g / beside * step + g % beside
    uint inner; uint inner_step; uint outer_step; // member k lies at k / inner * outer_step + k % inner * inner_step
    float scale;
} p;

struct Best { float value; uint at; };

Best better(Best a, float v, uint at, bool first)
{
    bool more = first || (!is_nan(a.value) && (is_nan(v) || v > a.value || (v == a.value && at < a.at)));
    return more ? Best(v, at) : a;
}

void main()
{
    const uint SIDES = ACROSS == 1 ? VEC : 1;
    uint all = p.count / SIDES, length = (p.members + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < all * p.parts; i += stride()) {
        uint g = i % all, part = i / all, first = part * length, last = min(p.members, first + length);
        uint base = g / p.beside * p.step + g % p.beside, in_row = first % p.inner;
        uint at = base + first / p.inner * p.outer_step + in_row * p.inner_step;
        REAL sum = REAL(0);
        Best best[VEC];
        for (uint v = 0; v < VEC; v++)
            best[v] = Best(uintBitsToFloat(0xFF800000u), 0);
        for (uint k = first; k < last; k++) {
            REAL value = AT(x, at);
            sum += DOT == 1 ? value * AT(gy, at) : value;
            if (DOT == 0)
#if VEC == 4
                for (uint v = 0; v < 4; v++)
                    best[v] = better(best[v], value[v], ACROSS == 1 ? k : 4 * k + v, k == first);
#else
                best[0] = better(best[0], value, k, k == first);
#endif
            at += p.inner_step;
            if (++in_row == p.inner) {
                in_row = 0;
                at += p.outer_step - p.inner * p.inner_step;
            }
        }
#if VEC == 4
        if (ACROSS == 0) {
            sum.x = (sum.x + sum.y) + (sum.z + sum.w);
            for (uint v = 1; v < 4; v++)
                best[0] = better(best[0], best[v].value, best[v].at, false);
        }
        for (uint v = 0; v < SIDES; v++) {
            uint to = part * p.count + g * SIDES + v;
            AT(y, to) = sum[v] * p.scale;
#else
        {
            uint v = 0, to = part * p.count + g;
            AT(y, to) = sum * p.scale;
#endif
            if (DOT == 0) {
                AT(y, p.parts * p.count + to) = best[v].value;
                AT(where, to) = best[v].at;
            }
        }
    }
}
