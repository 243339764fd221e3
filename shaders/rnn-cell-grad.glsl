#version 450
// variants: vec4
// One step back through rnn-cell: from the gradients of the new state to those of the two parts of the gates.
#include "common.glsl"
#include "vector.glsl"
#include "special.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint TANH = 0, RELU = 1, LSTM = 2, GRU = 3; // as in rnn-cell.glsl
layout(constant_id = 2) const uint HAS_GY = 0;
layout(constant_id = 3) const uint HAS_GH = 0;

layout(std430, binding = 0) readonly buffer Kept { REAL kept[]; }; // (rows, 4, n)
layout(std430, binding = 1) readonly buffer S { REAL s[]; }; // (rows, n) LSTM: the cell before; GRU: the state before
layout(std430, binding = 2) readonly buffer Y { REAL y[]; }; // (rows, n) after: LSTM: the cell; without gates: the state
layout(std430, binding = 3) readonly buffer Gy { REAL gy[]; }; // (rows, n) of this step's output
layout(std430, binding = 4) readonly buffer Gh { REAL gh[]; }; // (rows, n) of the state, from the step after
layout(std430, binding = 5) buffer Carry { REAL carry[]; }; // (rows, n) LSTM: of the cell; GRU: of the state, past the gates
layout(std430, binding = 6) writeonly buffer Gx { REAL gx[]; }; // (rows, gates, n) of the input's part
layout(std430, binding = 7) writeonly buffer Gr { REAL gr[]; }; // (rows, gates, n) GRU: of the state's part
layout(push_constant) uniform Push {
    uint kept_at; uint s_at; uint y_at; uint gy_at; uint gh_at; uint carry_at; uint gx_at; uint gr_at;
    uint rows; uint n;
} p;

void main()
{
    uint gates = KIND == LSTM ? 4 : KIND == GRU ? 3 : 1;
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint at = i / p.n * gates * p.n + i % p.n, from = p.kept_at + i / p.n * 4 * p.n + i % p.n, to = p.gx_at + at;
        REAL g = REAL(0.0), none = REAL(0.0);
        if (HAS_GY == 1)
            g += gy[p.gy_at + i];
        if (HAS_GH == 1)
            g += gh[p.gh_at + i];
        if (KIND == TANH || KIND == RELU) {
            REAL v = y[p.y_at + i];
            gx[to] = KIND == TANH ? g * (1.0 - v * v) : select(none, g, ABOVE(v, none));
            continue;
        }
        REAL first = kept[from], second = kept[from + p.n], third = kept[from + 2 * p.n], fourth = kept[from + 3 * p.n];
        if (KIND == LSTM) {
            REAL cell = hyperbolic_tangent(y[p.y_at + i]);
            REAL gc = carry[p.carry_at + i] + g * fourth * (1.0 - cell * cell);
            gx[to] = gc * third * first * (1.0 - first);
            gx[to + p.n] = gc * s[p.s_at + i] * second * (1.0 - second);
            gx[to + 2 * p.n] = gc * first * (1.0 - third * third);
            gx[to + 3 * p.n] = g * cell * fourth * (1.0 - fourth);
            carry[p.carry_at + i] = gc * second;
        } else {
            g += carry[p.carry_at + i];
            REAL gn = g * (1.0 - second) * (1.0 - third * third);
            REAL g1 = gn * fourth * first * (1.0 - first);
            REAL g2 = g * (s[p.s_at + i] - third) * second * (1.0 - second);
            uint other = p.gr_at + at;
            gx[to] = g1;
            gx[to + p.n] = g2;
            gx[to + 2 * p.n] = gn;
            gr[other] = g1;
            gr[other + p.n] = g2;
            gr[other + 2 * p.n] = gn * first;
            carry[p.carry_at + i] = g * second;
        }
    }
}
