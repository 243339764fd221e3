#version 450
// Sources of spikes of grilly_vk.sim, a batch of steps: at random, or at equal intervals.
#include "common.glsl"
#include "philox.glsl"

CHANGES(0, uint, state); // (STATES, n) what changes of each source
READS(1, uint, number); // (NUMBERS, n) what does not
READS(2, uvec2, table); // steps from which on an event has a probability, in 2**-32; of each source in order
CHANGES(3, uint, count); // (B + 2): spikes of each step of the batch, then the step at which the batch begins
CHANGES(4, uint, list); // (B, total) global numbers of the sources that fire
layout(push_constant) uniform Push {
    OFFSETS(5);
    uint n; uint steps; uint first; uint total;
    uint key0; uint key1;
} p;
layout(constant_id = 1) const uint B = 1;
layout(constant_id = 2) const uint KIND = 0;
layout(constant_id = 3) const uint RANKS = 1; // that share the sources in turn
const uint RANDOM = 0, REGULAR = 1; // KIND
const uint NEVER = 0xFFFFFFFFu;

void fire(uint i, uint k)
{
    uint last = atomicAdd(AT(count, k), 1u);
    AT(list, k * p.total + last) = p.first + i * RANKS;
}

// Events with a probability in each step, of which every one, or the last of `order`, is a spike.
// number: the first entry of its table, the entry behind its last, the order; state: events to come up to the next spike.
void random(uint i, uint now)
{
    uint at = AT(number, i), end = AT(number, p.n + i), order = AT(number, 2 * p.n + i), left = AT(state, i);
    uint low = at, high = end; // the first entry that is later than now
    while (low < high) {
        uint middle = (low + high) / 2;
        if (AT(table, middle).x <= now)
            low = middle + 1;
        else
            high = middle;
    }
    uint likely = low > at ? AT(table, low - 1).y : 0;
    uvec4 words;
    for (uint k = 0; k < p.steps; k++) {
        uint t = now + k;
        while (low < end && AT(table, low).x <= t)
            likely = AT(table, low++).y;
        if (k == 0 || (t & 3u) == 0) // four steps' words from one counter, whatever the batch
            words = philox(uvec4(p.first + i * RANKS, t >> 2, 0, 0x51u), uvec2(p.key0, p.key1));
        if (words[t & 3u] >= likely)
            continue;
        if (left == 0) { // the first event of all is any of those between two spikes
            uint rest;
            umulExtended(philox(uvec4(p.first + i * RANKS, 0, 1, 0x51u), uvec2(p.key0, p.key1)).x, order, left, rest);
            left++;
        }
        left = min(left, order);
        if (left == 1)
            fire(i, k);
        left = left == 1 ? order : left - 1;
    }
    AT(state, i) = left;
}

// number: the interval in steps, and in 2**-32 of one; the step from which on there is nothing.  state: the next spike,
// alike.
void regular(uint i, uint now)
{
    uint next = AT(state, i), part = AT(state, p.n + i), until = AT(number, 2 * p.n + i);
    for (uint k = 0; k < p.steps; k++) {
        if (now + k != next || next >= until)
            continue;
        fire(i, k);
        uint carry, over, more = AT(number, i);
        part = uaddCarry(part, AT(number, p.n + i), carry);
        next = uaddCarry(next, more, over);
        next = over == 1 || next > NEVER - carry ? NEVER : next + carry;
    }
    AT(state, i) = next;
    AT(state, p.n + i) = part;
}

void main()
{
    uint now = AT(count, B);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride())
        if (KIND == RANDOM)
            random(i, now);
        else
            regular(i, now);
}
