#version 450
// variants: vec4
// A weight and a delay for each connection: row t of unit k is bias[k] + the sum over units j of weight * x[t - delay].
// With ADJOINT the way back, from outputs to inputs: the sum of weight * x[t + delay].  Real delays, with
// INTERPOLATE, mix the two steps beside them.  Batches lie innermost in x, so that they are loaded together.
#include "common.glsl"
#include "vector.glsl"
#include "delay.glsl"
layout(constant_id = 1) const uint INTERPOLATE = 0;
layout(constant_id = 2) const uint ADJOINT = 0;
layout(constant_id = 3) const uint TILE = 8; // steps an invocation, at most 8

READS(0, REAL, x); // (units j, rows, batches): max_delay rows before the first
READS(1, float, w); // (out, in)
READS(2, uint, d); // (out, in) whole numbers, or floats with INTERPOLATE
READS(3, float, bias); // (units k)
WRITES(4, float, y); // (steps, batch, units k)
layout(push_constant) uniform Push {
    OFFSETS(5); uint first; uint last; // steps of this piece
    uint max_delay; uint many; uint own; // units j, units k
    uint batch; uint wide; // samples, and batches of VEC samples
    uint rows; uint has_bias;
} p;

void main()
{
    uint tiles = (p.last - p.first + TILE - 1) / TILE;
    for (uint item = gl_GlobalInvocationID.x; item < tiles * p.own * p.wide; item += stride()) {
        uint b = item % p.wide, k = item / p.wide % p.own, t = p.first + item / p.wide / p.own * TILE;
        REAL sums[8];
        for (uint s = 0; s < TILE; s++)
            sums[s] = REAL(p.has_bias == 1 ? AT(bias, k) : 0.0);
        for (uint j = 0; j < p.many; j++) {
            uint c = ADJOINT == 1 ? j * p.own + k : k * p.many + j;
            float weight = AT(w, c), share = 0.0;
            uint lag = INTERPOLATE == 1 ? whole(uintBitsToFloat(AT(d, c)), p.max_delay, share)
                                        : min(AT(d, c), p.max_delay);
            // From the earlier of the two rows that are mixed, or from the only one.
            uint row = ADJOINT == 1 ? t + lag : t + p.max_delay - lag - INTERPOLATE;
            uint at = BEGIN(x) + (j * p.rows + row) * p.wide + b;
            if (INTERPOLATE == 0) {
                for (uint s = 0; s < TILE; s++)
                    sums[s] += weight * x[at + s * p.wide];
            } else {
                float early = weight * (ADJOINT == 1 ? 1.0 - share : share), late = weight - early;
                REAL before = x[at];
                for (uint s = 0; s < TILE; s++) {
                    REAL now = x[at + (s + 1) * p.wide];
                    sums[s] += early * before + late * now;
                    before = now;
                }
            }
        }
        for (uint s = 0; s < TILE && t + s < p.last; s++) {
            for (uint v = 0; v < VEC && b * VEC + v < p.batch; v++)
                AT(y, ((t + s) * p.batch + b * VEC + v) * p.own + k) = LANE(sums[s], v);
        }
    }
}
