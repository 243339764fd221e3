#version 450
// variants: vec4
// Cores with recurrent weights over T steps: a workgroup a sample (or several of them, for single steps).  Who fires is
// kept as bits in shared memory, and only the weights of those are read, in the order of the units.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, rows, units)
layout(std430, binding = 1) readonly buffer Before { REAL before[]; }; // state, (rows, units) or (.., 2, last)
layout(std430, binding = 2) readonly buffer B { float b[]; }; // (units) or (1)
layout(std430, binding = 3) readonly buffer C { float c[]; }; // (units) or (1)
layout(std430, binding = 4) readonly buffer W { REAL w[]; }; // (units, units) from, to
layout(std430, binding = 5) writeonly buffer Y { REAL y[]; }; // (T, rows, units)
layout(std430, binding = 6) writeonly buffer H { REAL h[]; }; // (T, rows, units) potentials before each step
layout(std430, binding = 7) writeonly buffer U { REAL u[]; }; // (T, rows, units) second state before each step
layout(std430, binding = 8) buffer After { REAL after[]; }; // state after the last step
layout(push_constant) uniform Push {
    uint x_at; uint before_at; uint b_at; uint c_at; uint w_at; uint y_at; uint h_at; uint u_at; uint after_at;
    uint rows; uint steps; uint units; uint last;
    uint tiles; // workgroups a sample; more than one for a single step only
    float threshold;
} p;
#include "core.glsl"
layout(constant_id = 4) const uint WORDS = 1; // of 32 units: room for at least as many as there are
layout(constant_id = 5) const uint STORE_H = 0;
layout(constant_id = 6) const uint STORE_U = 0;

shared uint fires[3 * WORDS]; // in this step, in the next, and the one to be cleared
#include "fired-bits.glsl"

void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, words = (p.units * VEC + 31) / 32;
    for (uint job = gl_WorkGroupID.x; job < p.rows * p.tiles; job += gl_NumWorkGroups.x) {
        uint row = job / p.tiles * p.units, first = p.tiles == 1 ? 0 : job % p.tiles * size;
        uint end = p.tiles == 1 ? p.units : min(p.units, first + size);
        for (uint word = own; word < words; word += size) {
            uint found = 0;
            for (uint k = word * 32 / VEC; k < min(p.units, (word + 1) * 32 / VEC); k++)
                found |= bits(above(before[p.before_at + place(row + k)], REAL(0))) << k * VEC % 32;
            fires[word] = found;
            fires[WORDS + word] = 0;
        }
        barrier();
        for (uint t = 0; t < p.steps; t++) {
            uint now = t % 3 * WORDS, next = (t + 1) % 3 * WORDS, old = (t + 2) % 3 * WORDS;
            for (uint word = own; word < words; word += size)
                fires[old + word] = 0;
            for (uint k = first + own; k < end; k += size) {
                uint i = row + k, at = t * p.rows * p.units + i, mine = place(i);
                REAL v = t > 0 ? after[p.after_at + mine] : before[p.before_at + mine], other = REAL(0);
                if (TWO_STATES)
                    other = t > 0 ? after[p.after_at + mine + p.last] : before[p.before_at + mine + p.last];
                REAL back = REAL(0);
                for (uint word = 0; word < words; word++)
                    for (uint left = fires[now + word]; left != 0; left &= left - 1)
                        back += w[p.w_at + (word * 32 + findLSB(left)) * p.units + k];
                if (STORE_H == 1)
                    h[p.h_at + at] = v;
                if (STORE_U == 1)
                    u[p.u_at + at] = other;
                REAL fired = REAL(ABOVE(above(v, other), REAL(0)));
                y[p.y_at + at] = advance(x[p.x_at + at] + back, fired, v, other, BETA(unit, i), SECOND(unit, i));
                after[p.after_at + mine] = v;
                if (TWO_STATES)
                    after[p.after_at + mine + p.last] = other;
                atomicOr(fires[next + k * VEC / 32], bits(above(v, other)) << k * VEC % 32);
            }
            barrier();
        }
    }
}
