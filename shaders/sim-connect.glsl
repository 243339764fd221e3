#version 450
// Synapses of one projection of grilly_vk.sim: drawn, and counted or placed in rows by slice and source (sim-table.glsl).
// What is drawn follows from the seed and the neurons alone, never from the device or from where it is put.
#include "common.glsl"
#include "philox.glsl"
#include "math.glsl"

CHANGES(0, uint, cursor); // (slices, sources, lanes) synapses so far
CHANGES(1, uint, heard); // (targets) synapses of each, or the sum of their sizes; when counting
READS(2, uint, begin); // (neurons drawn for + 1) number of each one's first synapse
READS(3, uint, start); // (slices, sources + 1) where rows begin, in loads; when placing
CHANGES(4, uint, synapse); // zeros, where they are placed
READS(5, uint, given); // targets, weights or delays that the user listed, by the synapse's number
layout(push_constant) uniform Push {
    OFFSETS(6);
    uint n; // invocations: owners, or neurons drawn for
    uint pre; uint post; // sources, targets
    uint into; // the first target's number in the group, and RANKS - rank more
    int itself; // source i is the same neuron as target i + this
    uint first; uint slices; uint per; // the part: its first slice, how many, neurons of a lane
    uint seed0; uint seed1;
    float w0; float w1; float w_low; float w_high; float unit; // weights: two numbers, limits; units in one
    float d0; float d1; float d_low; float d_high;
    uint weights; uint delays; // where they are in given
} p;
layout(constant_id = 1) const uint PLACE = 0;
layout(constant_id = 2) const uint BY = 0; // drawn for OWNERS: all targets of a lane in turn; TARGETS_ALONE, SOURCES
layout(constant_id = 3) const uint CHOICE = 0;
layout(constant_id = 4) const uint ITSELF = 1; // whether a neuron may be its own partner
layout(constant_id = 5) const uint FORMAT = 0;
layout(constant_id = 6) const uint LANES = 8;
layout(constant_id = 7) const uint WEIGHT = 0; // 0: alike, 1: uniform, 2: normal, 3: lognormal, 4: given
layout(constant_id = 8) const uint DELAY = 0;
layout(constant_id = 9) const uint HEARD = 0; // 1: counts what targets hear, 2: sums sizes
layout(constant_id = 10) const uint RANKS = 1; // that share the group's neurons in turn
const uint OWNERS = 0, TARGETS_ALONE = 1, SOURCES = 2; // BY
const uint ANY = 0, DISTINCT = 1, ALL = 2, SAME = 3, GIVEN = 4; // CHOICE
const uint TARGETS = 0, PACKED = 1, FULL = 2, PLASTIC = 3; // FORMAT; PLASTIC: as FULL, with float32 weights, whole loads
const bool LOADS = FORMAT == PLASTIC || LANES == 1; // rows are whole loads of 16 bytes; else a word for each lane
const uint PARTNER = 0x43u, NUMBERS = 0x57u, ORDER = 0x50u; // what random words are for
const uint ATTEMPTS = 100;

// Place k of a permutation of 0 .. many - 1: a Feistel network on 2 * half_bits bits, walked until it is inside.
// Black & Rogaway, "Ciphers with arbitrary finite domains", 2002.
uint permuted(uint k, uint many, uvec4 key)
{
    uint half_bits = max(4u, uint(findMSB(max(many - 1, 1u)) + 2) / 2), mask = (1u << half_bits) - 1;
    do {
        uint left = k >> half_bits, right = k & mask;
        for (uint turn = 0; turn < 8; turn++) {
            uint mixed = (right ^ key[turn & 3u]) + turn * 0x9E3779B9u;
            mixed = (mixed ^ mixed >> 16) * 0x7FEB352Du;
            mixed = (mixed ^ mixed >> 15) * 0x846CA68Bu;
            uint next = left ^ (mixed ^ mixed >> 16) & mask;
            left = right;
            right = next;
        }
        k = left << half_bits | right;
    } while (k >= many);
    return k;
}

// A number of a distribution for synapse k of neuron i, drawn again while it is beyond the limits.
float number_of(uint kind, float a, float b, float low, float high, uint i, uint k, uint second)
{
    precise float x = a;
    for (uint attempt = 0; attempt < ATTEMPTS; attempt++) {
        uvec4 words = philox(uvec4(i, k, NUMBERS, attempt), uvec2(p.seed0, p.seed1));
        precise vec2 u = vec2((second == 1 ? words.zw : words.xy) >> 8) * (1.0 / 16777216.0) + 0.5 / 16777216.0; // above 0
        if (kind == 1) {
            x = a + (b - a) * u.x;
            return within(x, low, high);
        }
        precise float length = root(-2.0 * logarithm(u.x)), normal = length * cosine(6.28318530718 * u.y);
        x = a + b * normal;
        if (kind == 3)
            x = exponential(x);
        if (x >= low && x <= high)
            return x;
    }
    return within(x, low, high);
}

float weight_of(uint i, uint k) { return number_of(WEIGHT, p.w0, p.w1, p.w_low, p.w_high, i, k, 0); }

// Where a lane's word is in a row: so many of each lane four by four, the others one by one.
uint word_of(uint word, uint lane, uint fours)
{
    return word < fours ? (word / 4 * LANES + lane) * 4 + word % 4 : word * LANES + lane;
}

// Synapse k of neuron i, which goes from source to target; false if it is none of this part's.
bool put(uint source, uint target, uint i, uint k)
{
    uint neuron = (p.into + target) / RANKS - 1, span = p.per * LANES, slice = neuron / span - p.first;
    uint here = neuron % span, within = here / LANES, lane = here % LANES;
    if (slice >= p.slices || (p.into + target) % RANKS != 0)
        return false;
    uint place = (slice * p.pre + source) * LANES + lane, rank;
    if (BY == TARGETS_ALONE)
        rank = atomicAdd(AT(cursor, place), 1u);
    else {
        rank = AT(cursor, place);
        AT(cursor, place) = rank + 1;
    }
    if (PLACE == 0)
        return true;
    uint row = slice * (p.pre + 1) + source, first = AT(start, row) * (LOADS ? 4 : LANES);
    uint fours = LOADS ? 0xFFFFFFFFu : (AT(start, row + 1) - AT(start, row)) / 4 * 4; // of a lane's words
    if (FORMAT == TARGETS) {
        uint word = first + word_of(rank / 2, lane, fours), half_word = here + 1 << 16 * (rank & 1u);
        if (BY == TARGETS_ALONE)
            atomicOr(AT(synapse, word), half_word);
        else
            AT(synapse, word) |= half_word;
        return true;
    }
    uint number = AT(begin, i) + k;
    int weight;
    if (WEIGHT == 4)
        weight = int(AT(given, p.weights + number));
    else {
        precise float units = (WEIGHT == 0 ? p.w0 : weight_of(i, k)) * p.unit;
        weight = FORMAT == PLASTIC ? floatBitsToInt(units) : int(floor(units + 0.5));
    }
    uint delay;
    if (DELAY == 4)
        delay = AT(given, p.delays + number);
    else {
        precise float steps = DELAY == 0 ? p.d0 : number_of(DELAY, p.d0, p.d1, p.d_low, p.d_high, i, k, 1);
        delay = uint(floor(steps + 0.5));
    }
    if (FORMAT == PACKED)
        AT(synapse, first + word_of(rank, lane, fours)) = within | delay << 11 | uint(weight) << 17;
    else {
        AT(synapse, first + word_of(2 * rank, lane, fours)) = within | delay << 16;
        AT(synapse, first + word_of(2 * rank + 1, lane, fours)) = uint(weight);
    }
    return true;
}

// All synapses of one neuron: a source, or a target.
void draw(uint i)
{
    bool source = BY == SOURCES;
    uint degree = AT(begin, i + 1) - AT(begin, i), open = source ? p.post : p.pre;
    uint skip = ITSELF == 1 ? 0xFFFFFFFFu : source ? i + uint(p.itself) : i - uint(p.itself);
    if (skip < open)
        open--;
    uvec2 seed = uvec2(p.seed0, p.seed1);
    uvec4 key = CHOICE == DISTINCT ? philox(uvec4(i, 0, ORDER, 0), seed) : uvec4(0), words;
    uint sum = 0;
    for (uint k = 0; k < degree; k++) {
        uint partner = k, rest;
        if (CHOICE == ANY) {
            if ((k & 3u) == 0)
                words = philox(uvec4(i, k >> 2, PARTNER, 0), seed);
            umulExtended(words[k & 3u], open, partner, rest);
        } else if (CHOICE == DISTINCT)
            partner = permuted(k, open, key);
        else if (CHOICE == SAME)
            partner = i;
        else if (CHOICE == GIVEN)
            partner = AT(given, AT(begin, i) + k);
        if (CHOICE <= ALL && partner >= skip)
            partner++;
        bool here = put(source ? i : partner, source ? partner : i, i, k);
        if (PLACE == 1 || HEARD == 0 || !here)
            continue;
        precise float size = HEARD == 2 ? ceil(abs(weight_of(i, k)) * p.unit) : 1.0;
        if (source)
            atomicAdd(AT(heard, partner), uint(size));
        else
            sum += uint(size);
    }
    if (PLACE == 0 && HEARD != 0 && !source)
        AT(heard, i) += sum;
}

void main()
{
    for (uint item = gl_GlobalInvocationID.x; item < p.n; item += stride()) {
        if (BY != OWNERS) {
            draw(BY == TARGETS_ALONE ? (RANKS - p.into % RANKS) % RANKS + item * RANKS : item);
            continue;
        }
        uint neuron = (p.first + item / LANES) * p.per * LANES + item % LANES;
        for (uint own = 0; own < p.per; own++) {
            uint target = (neuron + own * LANES + 1) * RANKS - p.into; // huge where it would be below 0
            if (target < p.post)
                draw(target);
        }
    }
}
