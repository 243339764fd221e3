#version 450
// variants: vec4
// Gradients of weights and delays of snn-delay: sums over steps and samples of the output's gradient times the input
// that came through.  An invocation has up to four inputs of one output, so that the gradient is loaded once for them.
#include "common.glsl"
#include "vector.glsl"
#include "delay.glsl"
layout(constant_id = 1) const uint INTERPOLATE = 0;

READS(0, REAL, x); // (in, rows, batches)
READS(1, REAL, g); // (out, steps, batches) gradient of the output
READS(2, float, w); // (out, in)
READS(3, uint, d); // (out, in)
WRITES(4, float, gw); // (parts, out, in)
WRITES(5, float, gd); // (parts, out, in), with INTERPOLATE
layout(push_constant) uniform Push {
    OFFSETS(6); uint steps; uint parts; // stretches of steps, summed apart
    uint max_delay; uint ins; uint outs; uint wide;
    uint x_rows; uint g_rows; uint g_first; // rows of x and g, and where the steps begin in g
} p;

void main()
{
    uint fours = (p.ins + 3) / 4, length = (p.steps + p.parts - 1) / p.parts;
    for (uint item = gl_GlobalInvocationID.x; item < p.parts * p.outs * fours; item += stride()) {
        uint i = item % fours * 4, o = item / fours % p.outs, part = item / fours / p.outs;
        uint first = min(p.steps, part * length), last = min(p.steps, first + length);
        uint from[4];
        float shares[4], late[4] = float[4](0.0, 0.0, 0.0, 0.0), early[4] = late;
        for (uint q = 0; q < 4; q++) {
            uint j = min(i + q, p.ins - 1), delay = AT(d, o * p.ins + j);
            shares[q] = 0.0;
            uint lag = INTERPOLATE == 1 ? whole(uintBitsToFloat(delay), p.max_delay, shares[q])
                                        : min(delay, p.max_delay);
            from[q] = BEGIN(x) + (j * p.x_rows + p.max_delay - lag) * p.wide;
        }
        for (uint b = 0; b < p.wide; b++) {
            REAL sums[4], befores[4], mixed[4];
            for (uint q = 0; q < 4; q++) {
                sums[q] = mixed[q] = REAL(0);
                befores[q] = INTERPOLATE == 1 ? x[from[q] + b + first * p.wide - p.wide] : REAL(0);
            }
            for (uint t = first; t < last; t++) {
                REAL gradient = AT(g, (o * p.g_rows + p.g_first + t) * p.wide + b);
                for (uint q = 0; q < 4; q++) {
                    REAL now = x[from[q] + b + t * p.wide];
                    sums[q] += gradient * now;
                    if (INTERPOLATE == 1) {
                        mixed[q] += gradient * befores[q];
                        befores[q] = now;
                    }
                }
            }
            for (uint q = 0; q < 4; q++) {
                late[q] += ALL(sums[q]);
                early[q] += ALL(mixed[q]);
            }
        }
        for (uint q = 0; q < 4 && i + q < p.ins; q++) {
            uint c = o * p.ins + i + q, at = part * p.outs * p.ins + c;
            AT(gw, at) = INTERPOLATE == 1 ? late[q] + shares[q] * (early[q] - late[q]) : late[q];
            if (INTERPOLATE == 1)
                AT(gd, at) = AT(w, c) * (early[q] - late[q]);
        }
    }
}
