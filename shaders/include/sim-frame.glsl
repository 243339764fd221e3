// The frame of grilly_vk.sim's neurons: up to B steps of a group of one model, its state in registers.  What precedes
// is the model's: STATES, NUMBERS, RECEPTORS, REFRACTORY, model_step, model_fires and model_reset.
#include "philox.glsl"

#if VEC == 4
#define WHOLE ivec4
#define LANE(x, m) ((x)[m])
#else
#define WHOLE int
#define LANE(x, m) (x)
#endif

#if VEC == 4
#define some(a) any(a)
#else
#define some(a) (a)
#endif

CHANGES(0, REAL, state); // (STATES, width)
CHANGES(1, WHOLE, wait); // (width) refractory steps that are left
READS(2, REAL, number); // (NUMBERS, width)
CHANGES(3, WHOLE, ring); // (RECEPTORS, slots, row) what arrives, in fixed point; emptied when read
READS(4, float, scale); // (RECEPTORS) of the ring's numbers
CHANGES(5, uint, count); // (B + 2): spikes of each step of the batch, then the step at which the batch begins
CHANGES(6, uint, list); // (B, total) global numbers of the neurons that fire
READS(7, int, noise_of); // (NOISE, width) the table of each neuron's Poisson input, or -1
READS(8, REAL, noise_weight); // (NOISE, width)
READS(9, uint, noise_receptor); // (NOISE)
READS(10, uvec2, alias); // (tables, 2**bits) thresholds and aliases
READS(11, float, signal); // (chunk, signals) currents of electrodes, in the row of the step modulo chunk; (B, noises) noise
READS(12, int, signal_of); // (2, width) the signal of each neuron, and its noise or -1
READS(13, int, watched); // (width) column of a sampled neuron, or -1
WRITES(14, float, samples); // (rows, columns, sampled states)
layout(push_constant) uniform Push {
    OFFSETS(15);
    uint n; // width
    uint steps; uint slots; uint row; uint first; uint total; uint last; // last: neurons, without the row's padding
    uint bits; uint key0; uint key1;
    uint every; uint rows; uint columns;
    uint chunk; uint signals; uint noises;
} p;
layout(constant_id = 1) const uint B = 1;
layout(constant_id = 2) const uint EACH = 0xFFFFFFFFu; // numbers that differ from neuron to neuron, a bit each; the last for all further
layout(constant_id = 3) const uint NOISE = 0; // Poisson inputs of a neuron, at most INPUTS
const uint INPUTS = 4;
layout(constant_id = 4) const uint INJECT = 0; // 1: electrodes, 2: noise too
layout(constant_id = 6) const uint HEARD = 0xFFFFFFFFu; // receptors that have synapses, a bit each
layout(constant_id = 5) const uint SAMPLED = 0; // states that are sampled, a bit each
layout(constant_id = 7) const uint RANKS = 1; // that share the neurons in turn
#define NUMBER_OF(neuron) (p.first + (neuron) * RANKS)

// A Poisson number from 32 random bits by Walker's alias method, integers only.
int drawn(int table, uint dice)
{
    uint entry = dice >> (32u - p.bits);
    uvec2 found = AT(alias, (uint(table) << p.bits) + entry);
    return dice << p.bits < found.x ? int(entry) : int(found.y);
}

void main()
{
    uint now = AT(count, B);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        REAL s[STATES], c[NUMBERS];
        for (uint j = 0; j < STATES; j++)
            s[j] = AT(state, j * p.n + i);
        for (uint j = 0; j < NUMBERS; j++)
            c[j] = (EACH >> min(j, 31u) & 1u) == 1u ? AT(number, j * p.n + i) : REAL(FIRST(AT(number, j * p.n)));
        WHOLE left = AT(wait, i);
        uvec4 dice[INPUTS * VEC];
        for (uint k = 0; k < p.steps; k++) {
            uint t = now + k, slot = t & (p.slots - 1u);
            REAL arrived[RECEPTORS];
            for (uint r = 0; r < RECEPTORS; r++) {
                arrived[r] = REAL(0);
                if ((HEARD >> r & 1u) == 0u)
                    continue;
                uint at = (r * p.slots + slot) * p.row + i;
                WHOLE sum = AT(ring, at);
                AT(ring, at) = WHOLE(0);
                arrived[r] = REAL(sum) * AT(scale, r);
            }
            if (NOISE > 0) {
                for (uint q = 0; q < NOISE; q++) {
                    uint to = AT(noise_receptor, q);
                    REAL weight = AT(noise_weight, q * p.n + i), events = REAL(0);
                    for (uint m = 0; m < VEC; m++) {
                        int table = AT(noise_of, q * p.n * VEC + VEC * i + m);
                        if (table < 0)
                            continue;
                        if (k == 0 || (t & 3u) == 0) { // four steps' words from one counter, whatever the batch
                            dice[q * VEC + m] = philox(uvec4(NUMBER_OF(VEC * i + m), t >> 2, q, 0x50u), uvec2(p.key0, p.key1));
                            for (uint turn = 0; turn < (t & 3u); turn++)
                                dice[q * VEC + m] = dice[q * VEC + m].yzwx;
                        }
                        LANE(events, m) = float(drawn(table, dice[q * VEC + m].x));
                        dice[q * VEC + m] = dice[q * VEC + m].yzwx;
                    }
                    precise REAL came = events * weight;
                    for (uint r = 0; r < RECEPTORS; r++)
                        arrived[r] += r == to ? came : REAL(0);
                }
            }
            REAL current = REAL(0);
            if (INJECT != 0)
                for (uint m = 0; m < VEC; m++)
                    LANE(current, m) = AT(signal, t % p.chunk * p.signals + uint(AT(signal_of, VEC * i + m)));
            if (INJECT == 2)
                for (uint m = 0; m < VEC; m++) {
                    int noise = AT(signal_of, VEC * (p.n + i) + m);
                    if (noise >= 0)
                        LANE(current, m) += AT(signal, p.chunk * p.signals + k * p.noises + uint(noise));
                }
            TEST hears = EQUAL(left, WHOLE(0));
            left = max(left - 1, WHOLE(0));
            model_step(s, c, arrived, current, hears);
            TEST fired = BOTH(hears, model_fires(s, c));
            if (some(fired)) {
                model_reset(s, c, fired);
                for (uint m = 0; m < VEC; m++)
                    if (LANE(fired, m) && VEC * i + m < p.last) {
                        uint last = atomicAdd(AT(count, k), 1u);
                        AT(list, k * p.total + last) = NUMBER_OF(VEC * i + m);
                        if (REFRACTORY < NUMBERS)
                            LANE(left, m) = int(LANE(c[min(REFRACTORY, NUMBERS - 1)], m));
                    }
            }
            if (SAMPLED != 0 && (t + 1u) % p.every == 0) {
                uint row = ((t + 1u) / p.every - 1u) % p.rows, states = bitCount(SAMPLED);
                for (uint m = 0; m < VEC; m++) {
                    int column = AT(watched, VEC * i + m);
                    if (column >= 0)
                        for (uint j = 0, to = 0; j < STATES; j++)
                            if ((SAMPLED >> j & 1u) == 1u)
                                AT(samples, (row * p.columns + uint(column)) * states + to++) = LANE(s[j], m);
                }
            }
        }
        for (uint j = 0; j < STATES; j++)
            AT(state, j * p.n + i) = s[j];
        AT(wait, i) = left;
    }
}
