#version 450
// variants: vec4
// Norms of gradients in a fixed order.  STAGE 0: sums (or the maximum) of blocks, one workgroup each, of a fixed
// length whatever the group count.  STAGE 1: one workgroup joins them; y = (norm, factor to keep to the limit).
#include "common.glsl"
#include "power.glsl"
#include "vector.glsl"
#include "rows.glsl"

layout(constant_id = 1) const uint STAGE = 0;
layout(constant_id = 2) const uint NORM = 2; // 2, 0 (maximum), or 1 for any other power
const uint EACH = 16; // elements an invocation

READS(0, REAL, x);
WRITES(1, float, y);
layout(push_constant) uniform Push { OFFSETS(2); uint n; uint first; float power; float limit; } p;

float larger(float a, float b) { return is_nan(a) ? a : is_nan(b) ? b : max(a, b); }

float term(float v)
{
    return STAGE == 1 ? v : NORM == 2 ? v * v : NORM == 0 ? abs(v) : v == 0.0 ? 0.0 : power(abs(v), p.power);
}

float joined(float a, float b) { return NORM == 0 ? larger(a, b) : a + b; }

float of_row(float own)
{
    if (NORM != 0)
        return row_sum(own);
    parts[gl_LocalInvocationID.x] = own;
    barrier();
    float all = 0.0;
    for (uint k = 0; k < gl_WorkGroupSize.x; k++)
        all = larger(all, parts[k]);
    barrier();
    return all;
}

void main()
{
    uint each = STAGE == 1 ? (p.n + LOCAL - 1) / LOCAL : EACH;
    uint blocks = STAGE == 1 ? 1 : (p.n + LOCAL * EACH - 1) / (LOCAL * EACH);
    for (uint block = gl_WorkGroupID.x; block < blocks; block += groups()) {
        precise float own = 0.0;
        for (uint k = 0; k < each; k++) {
            uint i = (block * each + k) * LOCAL + gl_LocalInvocationID.x;
            if (i < p.n) {
                REAL v = AT(x, i);
#if VEC == 4
                own = joined(own, joined(joined(term(v.x), term(v.y)), joined(term(v.z), term(v.w))));
#else
                own = joined(own, term(v));
#endif
            }
        }
        float all = of_row(own);
        if (gl_LocalInvocationID.x == 0) {
            if (STAGE == 1) {
                float norm = NORM == 2 ? sqrt(all) : NORM == 0 ? all : power(all, 1.0 / p.power);
                float factor = p.limit / (norm + 1e-6);
                AT(y, 0) = norm;
                AT(y, 1) = factor > 1.0 ? 1.0 : factor;
            } else
                AT(y, p.first + block) = all;
        }
    }
}
