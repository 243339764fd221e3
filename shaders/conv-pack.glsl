#version 450
// variants: vec4
// Lays four channels side by side for the convolutions: y[a, n / 4, p, q] = x[a, n .. n + 3, p, q] with free steps in
// x, with zeros past the last n and q, and one more element of zeros behind them all.  By fours, of x whose p are
// neighbours and which has no q: count, places and the steps are quarters, and each invocation lays out four p.
#include "common.glsl"
#include "divided.glsl"
#include "vector.glsl"

READS(0, REAL, x);
WRITES(1, vec4, y);
layout(push_constant) uniform Push {
    OFFSETS(2); uint count; // elements of y without the zero
    uint fours; uint places; uint inner; // sizes of y's last three axes
    uint n; uint q; // how many of each there are in x
    uint a_step; uint n_step; uint p_step; uint q_step;
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i <= p.count; i += stride()) {
        uvec2 q = divided(i, p.inner), place = divided(q.x, p.places), rest = divided(place.x, p.fours);
        uint n = rest.y * 4;
        uint at = BEGIN(x) + rest.x * p.a_step + n * p.n_step + place.y * p.p_step + q.y * p.q_step;
#if VEC == 4
        mat4 rows = mat4(0);
        for (uint k = 0; k < 4; k++)
            if (i < p.count && n + k < p.n)
                rows[k] = x[at + k * p.n_step];
        mat4 v = transpose(rows);
        AT(y, 4 * i) = v[0];
        if (i < p.count) {
            AT(y, 4 * i + 1) = v[1];
            AT(y, 4 * i + 2) = v[2];
            AT(y, 4 * i + 3) = v[3];
        }
#else
        vec4 v = vec4(0);
        for (uint k = 0; k < 4; k++)
            if (i < p.count && n + k < p.n && q.y < p.q)
                v[k] = x[at + k * p.n_step];
        AT(y, i) = v;
#endif
    }
}
