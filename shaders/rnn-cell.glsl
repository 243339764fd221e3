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

READS(0, REAL, x); // (rows, gates, n) the input's part
READS(1, REAL, r); // (rows, gates, n) the state's part
READS(2, REAL, s); // (rows, n) LSTM: the cell before; GRU: the state before
WRITES(3, REAL, y); // (rows, n) the state after
WRITES(4, REAL, c); // (rows, n) LSTM: the cell after
WRITES(5, REAL, kept); // (rows, 4, n) gates; GRU: and n's part of the state
layout(push_constant) uniform Push {
    OFFSETS(6); uint rows; uint n;
} p;

void main()
{
    uint gates = KIND == LSTM ? 4 : KIND == GRU ? 3 : 1;
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint at = i / p.n * gates * p.n + i % p.n, to = BEGIN(kept) + i / p.n * 4 * p.n + i % p.n;
        REAL a = AT(x, at) + AT(r, at);
        if (KIND == TANH || KIND == RELU) {
            REAL up = select(a, REAL(0.0), ABOVE(REAL(0.0), a)); // NaN stays NaN
            AT(y, i) = KIND == TANH ? hyperbolic_tangent(a) : up;
            continue;
        }
        REAL b = AT(x, at + p.n) + AT(r, at + p.n), first = logistic(a), second = logistic(b);
        REAL third, fourth;
        uint third_at = at + 2 * p.n;
        if (KIND == LSTM) {
            third = hyperbolic_tangent(AT(x, third_at) + AT(r, third_at));
            fourth = logistic(AT(x, third_at + p.n) + AT(r, third_at + p.n));
            REAL cell = second * AT(s, i) + first * third;
            AT(c, i) = cell;
            AT(y, i) = fourth * hyperbolic_tangent(cell);
        } else {
            fourth = AT(r, third_at);
            third = hyperbolic_tangent(AT(x, third_at) + first * fourth);
            AT(y, i) = (1.0 - second) * third + second * AT(s, i);
        }
        if (KEEP == 1) {
            kept[to] = first;
            kept[to + p.n] = second;
            kept[to + 2 * p.n] = third;
            kept[to + 3 * p.n] = fourth;
        }
    }
}
