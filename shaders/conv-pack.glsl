#version 450
// Lays four channels side by side for the convolutions: y[a, n / 4, p, q] = x[a, n .. n + 3, p, q] with free steps in
// x, with zeros past the last n and q, and one more element of zeros behind them all.
#include "common.glsl"

READS(0, float, x);
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
        uint q = i % p.inner, place = i / p.inner % p.places, rest = i / p.inner / p.places;
        uint n = rest % p.fours * 4;
        uint at = BEGIN(x) + rest / p.fours * p.a_step + n * p.n_step + place * p.p_step + q * p.q_step;
        vec4 v = vec4(0);
        for (uint k = 0; k < 4; k++)
            if (i < p.count && n + k < p.n && q < p.q)
                v[k] = x[at + k * p.n_step];
        AT(y, i) = v;
    }
}
