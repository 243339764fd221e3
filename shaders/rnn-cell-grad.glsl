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

READS(0, REAL, kept); // (rows, 4, n)
READS(1, REAL, s); // (rows, n) LSTM: the cell before; GRU: the state before
READS(2, REAL, y); // (rows, n) after: LSTM: the cell; without gates: the state
READS(3, REAL, gy); // (rows, n) of this step's output
READS(4, REAL, gh); // (rows, n) of the state, from the step after
CHANGES(5, REAL, carry); // (rows, n) LSTM: of the cell; GRU: of the state, past the gates
WRITES(6, REAL, gx); // (rows, gates, n) of the input's part
WRITES(7, REAL, gr); // (rows, gates, n) GRU: of the state's part
layout(push_constant) uniform Push {
    OFFSETS(8); uint rows; uint n;
} p;

void main()
{
    uint gates = KIND == LSTM ? 4 : KIND == GRU ? 3 : 1;
    for (uint i = gl_GlobalInvocationID.x; i < p.rows * p.n; i += stride()) {
        uint at = i / p.n * gates * p.n + i % p.n, from = BEGIN(kept) + i / p.n * 4 * p.n + i % p.n, to = BEGIN(gx) + at;
        REAL g = REAL(0.0), none = REAL(0.0);
        if (HAS_GY == 1)
            g += AT(gy, i);
        if (HAS_GH == 1)
            g += AT(gh, i);
        if (KIND == TANH || KIND == RELU) {
            REAL v = AT(y, i);
            gx[to] = KIND == TANH ? g * (1.0 - v * v) : select(none, g, ABOVE(v, none));
            continue;
        }
        REAL first = kept[from], second = kept[from + p.n], third = kept[from + 2 * p.n], fourth = kept[from + 3 * p.n];
        if (KIND == LSTM) {
            REAL cell = hyperbolic_tangent(AT(y, i));
            REAL gc = AT(carry, i) + g * fourth * (1.0 - cell * cell);
            gx[to] = gc * third * first * (1.0 - first);
            gx[to + p.n] = gc * AT(s, i) * second * (1.0 - second);
            gx[to + 2 * p.n] = gc * first * (1.0 - third * third);
            gx[to + 3 * p.n] = g * cell * fourth * (1.0 - fourth);
            AT(carry, i) = gc * second;
        } else {
            g += AT(carry, i);
            REAL gn = g * (1.0 - second) * (1.0 - third * third);
            REAL g1 = gn * fourth * first * (1.0 - first);
            REAL g2 = g * (AT(s, i) - third) * second * (1.0 - second);
            uint other = BEGIN(gr) + at;
            gx[to] = g1;
            gx[to + p.n] = g2;
            gx[to + 2 * p.n] = gn;
            gr[other] = g1;
            gr[other + p.n] = g2;
            gr[other + 2 * p.n] = gn * first;
            AT(carry, i) = g * second;
        }
    }
}
