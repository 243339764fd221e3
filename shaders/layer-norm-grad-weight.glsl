#version 450
// Gradients of layer-norm's weight and bias, as sums over `parts` stretches of rows: one (part, column) an invocation.
#include "common.glsl"
layout(constant_id = 1) const uint CENTRE = 1;

READS(0, float, x); // (rows, n)
READS(1, float, kept); // (2, rows)
READS(2, float, gy); // (rows, n)
WRITES(3, float, gw); // (parts, n)
WRITES(4, float, gb); // (parts, n)
layout(push_constant) uniform Push {
    OFFSETS(5); uint rows; uint n; uint parts;
} p;

void main()
{
    uint length = (p.rows + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < p.parts * p.n; i += stride()) {
        uint column = i % p.n, first = i / p.n * length, last = min(p.rows, first + length);
        float sum = 0.0, sum_z = 0.0;
        for (uint row = first; row < last; row++) {
            uint at = row * p.n + column;
            float g = AT(gy, at), base = CENTRE == 1 ? AT(x, row * p.n) : 0.0;
            sum += g;
            sum_z += g * (((AT(x, at) - base) - AT(kept, row)) * AT(kept, p.rows + row));
        }
        AT(gw, i) = sum_z;
        AT(gb, i) = sum;
    }
}
