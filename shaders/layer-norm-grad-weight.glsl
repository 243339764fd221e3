#version 450
// Gradients of layer-norm's weight and bias, as sums over `parts` stretches of rows: one (part, column) an invocation.
#include "common.glsl"
layout(constant_id = 1) const uint CENTRE = 1;

layout(std430, binding = 0) readonly buffer X { float x[]; }; // (rows, n)
layout(std430, binding = 1) readonly buffer Kept { float kept[]; }; // (2, rows)
layout(std430, binding = 2) readonly buffer Gy { float gy[]; }; // (rows, n)
layout(std430, binding = 3) writeonly buffer Gw { float gw[]; }; // (parts, n)
layout(std430, binding = 4) writeonly buffer Gb { float gb[]; }; // (parts, n)
layout(push_constant) uniform Push {
    uint x_at; uint kept_at; uint gy_at; uint gw_at; uint gb_at;
    uint rows; uint n; uint parts;
} p;

void main()
{
    uint length = (p.rows + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < p.parts * p.n; i += stride()) {
        uint column = i % p.n, first = i / p.n * length, last = min(p.rows, first + length);
        float sum = 0.0, sum_z = 0.0;
        for (uint row = first; row < last; row++) {
            uint at = row * p.n + column;
            float g = gy[p.gy_at + at], base = CENTRE == 1 ? x[p.x_at + row * p.n] : 0.0;
            sum += g;
            sum_z += g * (((x[p.x_at + at] - base) - kept[p.kept_at + row]) * kept[p.kept_at + p.rows + row]);
        }
        gw[p.gw_at + i] = sum_z;
        gb[p.gb_at + i] = sum;
    }
}
