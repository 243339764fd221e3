#version 450
// variants: vec4
// One step of a recurrent layer: from the input's part and the state's part of the gates to the new state.
// LSTM gates are i, f, g, o; those of GRU r, z, n, where r scales the state's part of n, as in PyTorch.
#include "common.glsl"
#include "vector.glsl"
#include "special.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint TANH = 0, RELU = 1, LSTM = 2, GRU = 3; // as in grilly_vk/ops/recurrent_layers.py
layout(constant_id = 2) const uint KEEP = 0; // whether the gates are kept for the way back

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (rows, gates, n) the input's part
layout(std430, binding = 1) readonly buffer R { REAL r[]; }; // (rows, gates, n) the state's part
layout(std430, binding = 2) readonly buffer S { REAL s[]; }; // (rows, n) LSTM: the cell before; GRU: the state before
layout(std430, binding = 3) writeonly buffer Y { REAL y[]; }; // (rows, n) the state after
layout(std430, binding = 4) writeonly buffer C { REAL c[]; }; // (rows, n) LSTM: the cell after
layout(std430, binding = 5) writeonly buffer Kept { REAL kept[]; }; // (rows, 4, n) gates; GRU: and n's part of the state
layout(push_constant) uniform Push {
    uint x_at; uint r_at; uint s_at; uint y_at; uint c_at; uint kept_at;
    uint rows; uint n;
} p;

void main()
{
    uint gates = KIND == LSTM ? 4 : KIND == GRU ? 3 : 1;
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint at = i / p.n * gates * p.n + i % p.n, to = p.kept_at + i / p.n * 4 * p.n + i % p.n;
        REAL a = x[p.x_at + at] + r[p.r_at + at];
        if (KIND == TANH || KIND == RELU) {
            REAL up = select(a, REAL(0.0), ABOVE(REAL(0.0), a)); // NaN stays NaN
            y[p.y_at + i] = KIND == TANH ? hyperbolic_tangent(a) : up;
            continue;
        }
        REAL b = x[p.x_at + at + p.n] + r[p.r_at + at + p.n], first = logistic(a), second = logistic(b);
        REAL third, fourth;
        uint third_at = at + 2 * p.n;
        if (KIND == LSTM) {
            third = hyperbolic_tangent(x[p.x_at + third_at] + r[p.r_at + third_at]);
            fourth = logistic(x[p.x_at + third_at + p.n] + r[p.r_at + third_at + p.n]);
            REAL cell = second * s[p.s_at + i] + first * third;
            c[p.c_at + i] = cell;
            y[p.y_at + i] = fourth * hyperbolic_tangent(cell);
        } else {
            fourth = r[p.r_at + third_at];
            third = hyperbolic_tangent(x[p.x_at + third_at] + first * fourth);
            y[p.y_at + i] = (1.0 - second) * third + second * s[p.s_at + i];
        }
        if (KEEP == 1) {
            kept[to] = first;
            kept[to + p.n] = second;
            kept[to + 2 * p.n] = third;
            kept[to + 3 * p.n] = fourth;
        }
    }
}
