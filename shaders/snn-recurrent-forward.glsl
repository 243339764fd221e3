#version 450
// variants: vec4
// Cores with recurrent weights over T steps: a workgroup a sample (or several of them, for single steps).  Who fires is
// kept as bits in shared memory, and only the weights of those are read, in the order of the units.
#define BACK
#include "common.glsl"
#include "vector.glsl"
#include "core-forward.glsl"
layout(constant_id = 6) const uint WORDS = 1; // of 32 units: room for at least as many as there are

shared uint fires[3 * WORDS]; // in this step, in the next, and the one to be cleared
#include "fired-bits.glsl"

void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, words = (p.units * VEC + 31) / 32;
    for (uint job = gl_WorkGroupID.x; job < p.rows * p.tiles; job += groups()) {
        uint row = job / p.tiles * p.units, first = p.tiles == 1 ? 0 : job % p.tiles * size;
        uint end = p.tiles == 1 ? p.units : min(p.units, first + size);
        for (uint word = own; word < words; word += size) {
            uint found = 0;
            for (uint k = word * 32 / VEC; k < min(p.units, (word + 1) * 32 / VEC); k++)
                found |= bits(above(AT(before, place(row + k)), REAL(0))) << k * VEC % 32;
            fires[word] = found;
            fires[WORDS + word] = 0;
        }
        barrier();
        for (uint t = 0; t < p.steps; t++) {
            uint now = t % 3 * WORDS, next = (t + 1) % 3 * WORDS, old = (t + 2) % 3 * WORDS;
            for (uint word = own; word < words; word += size)
                fires[old + word] = 0;
            for (uint k = first + own; k < end; k += size) {
                back = REAL(0);
                for (uint word = 0; word < words; word++)
                    for (uint left = fires[now + word]; left != 0; left &= left - 1)
                        back += AT(w, (word * 32 + findLSB(left)) * p.units + k);
                run(row + k, t, t + 1);
                atomicOr(fires[next + k * VEC / 32], bits(next_spikes) << k * VEC % 32);
            }
            barrier();
        }
    }
}
