#version 450
// variants: vec4
// Spiking nodes with recurrent weights over T steps: a workgroup a sample (or several of them, for single steps).  Who
// fired is kept as bits in shared memory, and only the weights of those are read, in the order of the units.
#include "common.glsl"
#include "vector.glsl"
#include "recurrent-node-forward.glsl"
layout(constant_id = 10) const uint WORDS = 1; // of 32 units: room for at least as many as there are

shared uint fires[3 * WORDS]; // in the step before, in this one, and the one to be cleared
#include "fired-bits.glsl"

void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, words = (p.units * VEC + 31) / 32;
    for (uint job = gl_WorkGroupID.x; job < p.rows * p.tiles; job += groups()) {
        uint row = job / p.tiles * p.units, first = p.tiles == 1 ? 0 : job % p.tiles * size;
        uint end = p.tiles == 1 ? p.units : min(p.units, first + size);
        for (uint word = own; word < words; word += size) {
            uint found = 0;
            for (uint k = word * 32 / VEC; p.came == 1 && k < min(p.units, (word + 1) * 32 / VEC); k++)
                found |= bits(AT(prev, row + k)) << k * VEC % 32;
            fires[word] = found;
            fires[WORDS + word] = 0;
        }
        barrier();
        for (uint t = 0; t < p.steps; t++) {
            uint past = t % 3 * WORDS, now = (t + 1) % 3 * WORDS, old = (t + 2) % 3 * WORDS;
            for (uint word = own; word < words; word += size)
                fires[old + word] = 0;
            for (uint k = first + own; k < end; k += size) {
                REAL back = REAL(0);
                for (uint word = 0; word < words; word++)
                    for (uint left = fires[past + word]; left != 0; left &= left - 1)
                        back += AT(weight, (word * 32 + findLSB(left)) * p.units + k);
                if (t == 0 && p.came == 2)
                    back = AT(prev, row + k);
                REAL fired = step_on(t, row + k, back);
                atomicOr(fires[now + k * VEC / 32], bits(fired) << k * VEC % 32);
            }
            barrier();
        }
    }
}
