// Synapses of grilly_vk.sim that change, of one projection: how a row is walked.  A pre-synaptic spike of step t meets
// the post-synaptic spikes up to step t - d: the delay d of a synapse is its target's, as in NEST.  These are in each
// target's history; what a source's former spikes left is in its trace.  So a weight is brought up to date where its
// source fires, or where a sweep goes over all of them because a history is full.  No order of rows changes a bit.
#include "math.glsl"
#include "power.glsl"
#include "exact.glsl"

READS(0, uint, rows); // (slices, sources + 1): where each row begins, in loads
CHANGES(1, uvec4, synapse); // two a load: target of its lane 16 bits, delay 16; weight, float32
CHANGES(2, vec2, tag); // eligibility of the two; DOPAMINE alone
READS(3, uvec4, event); // (B, total) of each spike of the batch: see sim-trace.glsl
READS(4, float, trace); // (TRACES, sources)
READS(5, int, last); // (sources) step of the last spike, or NEVER
READS(6, uint, heard); // (targets) spikes so far
READS(7, uvec2, history); // (targets, ROOM) their steps, and the trace that each left
READS(8, float, prior); // (targets, ROOM) the second trace before each; TRIPLET alone
READS(9, int, status); // see sim-trace.glsl
READS(10, float, rule); // see grilly_vk/sim/plasticity.py
READS(11, uvec2, dopamine); // (4 ROOM) steps at which the level jumps, and to what; DOPAMINE alone
CHANGES(12, int, ring); // (receptors, slots, width)
READS(13, uint, count); // (B + 2): spikes of each step of the batch, then the step at which it begins
READS(14, uint, list); // (B, total) sources that fired
layout(push_constant) uniform Push {
    OFFSETS(15);
    uint n; // slices of this part
    uint first; // the first of them
    uint steps; uint total; uint slots; uint width;
    uint per; // neurons that a lane owns; where sums are atomic, a slice has one lane
    uint pre; uint pre_first; // sources, and the first one's number
    uint into; // the first target's number in the group, and RANKS - rank more
    uint receptor;
    float unit; // of the ring, in one
} p;
layout(constant_id = 1) const uint RULE = 0;
layout(constant_id = 2) const uint ROOM = 64; // a power of two
layout(constant_id = 3) const uint UP = 0; // how the room above counts: 0 not, 1 by its size, 2 by a power of it
layout(constant_id = 4) const uint DOWN = 0;
layout(constant_id = 5) const uint RANKS = 1; // that share the group's neurons in turn
const uint PAIR = 0, TRIPLET = 1, DOPAMINE = 2, SHORT_TERM = 3; // RULE
const int NEVER = -0x40000000;
const uint NOWHERE = 0xFFFFFFFFu;
const int SPLIT = 256; // integrals over the level of dopamine are cut at such steps, so that sweeps may end there

float rule_of(uint i) { return AT(rule, i); }

// A spike of a source, or a sweep, which is none.
struct Visit {
    int t; // the step
    int last; // the source's spike before, whose trace is the next number
    float trace;
    float second; // triplets: the second trace just before this spike; short-term plasticity: what the weight is worth
    int from; // up to here weights are up to date
    bool fires;
};

float clipped(float w) { return within(w, rule_of(13), rule_of(14)); }

float raised(float w, float by)
{
    float room = times(plus(rule_of(9), -w), rule_of(10)), up = rule_of(4);
    if (UP != 0)
        up = times(up, UP == 2 ? power(max(room, 0.0), rule_of(11)) : room);
    return clipped(plus(w, times(up, by)));
}

float lowered(float w, float by)
{
    float room = times(plus(w, -rule_of(8)), rule_of(10)), down = rule_of(5);
    if (DOWN != 0)
        down = times(down, DOWN == 2 ? power(max(room, 0.0), rule_of(12)) : room);
    return clipped(plus(w, -times(down, by)));
}

// What is left of a trace after some steps.
float decayed(float value, int steps, float rate) { return times(value, exponential(times(float(steps), -rate))); }

// e^x - 1 of x <= 0.
float grown(float x)
{
    float small = 1.0;
    for (float k = 9.0; k > 1.0; k--)
        small = plus(times(small, over(x, k)), 1.0);
    return x > -0.5 ? times(small, x) : plus(exponential(x), -1.0);
}

uvec2 spike_of(uint j, int q) { return AT(history, j * ROOM + (uint(q) & ROOM - 1)); }

// Eligibility c and weight w from step t to step end, with dopamine (Izhikevich, Cereb. Cortex 17, 2007).
void reward(inout float w, inout float c, int t, int end)
{
    int all = AT(status, 3), i = all - 1, lowest = max(0, all - int(4 * ROOM));
    while (i >= lowest && int(AT(dopamine, uint(i) & 4 * ROOM - 1).x) > t)
        i--;
    while (t < end) {
        int next = min(end, (t / SPLIT + 1) * SPLIT);
        if (i + 1 < all)
            next = min(next, int(AT(dopamine, uint(i + 1) & 4 * ROOM - 1).x));
        float level = 0.0;
        if (i >= lowest) {
            uvec2 jump = AT(dopamine, uint(i) & 4 * ROOM - 1);
            level = decayed(uintBitsToFloat(jump.y), t - int(jump.x), rule_of(16));
        }
        float steps = float(next - t);
        float gain = times(times(level, rule_of(18)), grown(times(-steps, plus(rule_of(15), rule_of(16)))));
        gain = plus(gain, -times(rule_of(17), grown(times(-steps, rule_of(15)))));
        w = clipped(plus(w, -times(c, gain)));
        c = decayed(c, next - t, rule_of(15));
        t = next;
        if (i + 1 < all && int(AT(dopamine, uint(i + 1) & 4 * ROOM - 1).x) == t)
            i++;
    }
}

// A synapse with delay d onto target j, brought up to the visit's step.
void learn(inout float w, inout float c, uint j, int d, Visit v)
{
    uint all = AT(heard, j);
    int lowest = all > ROOM ? int(all - ROOM) : 0, end = int(all), until = v.t - d;
    uvec2 newest = spike_of(j, end - 1);
    while (end > lowest && int(newest.x) > until) {
        end--;
        newest = spike_of(j, end - 1);
    }
    int begin = end, after = v.from - d, t = v.from;
    uvec2 found = newest;
    while (begin > lowest && int(found.x) > after) {
        begin--;
        found = spike_of(j, begin - 1);
    }
    for (int q = begin; q < end; q++) { // post after pre
        uvec2 s = q == end - 1 ? newest : spike_of(j, q);
        int arrives = int(s.x) + d;
        float k = decayed(v.trace, arrives - v.last, rule_of(0));
        if (RULE == DOPAMINE) {
            reward(w, c, t, arrives);
            t = arrives;
            c = plus(c, times(rule_of(4), k));
        } else if (RULE == TRIPLET) {
            float slow = AT(prior, j * ROOM + (uint(q) & ROOM - 1));
            w = clipped(plus(w, times(k, plus(rule_of(4), times(rule_of(6), slow)))));
        } else
            w = raised(w, k);
    }
    if (RULE == DOPAMINE)
        reward(w, c, t, v.t);
    if (!v.fires)
        return;
    if (end > lowest && int(newest.x) == until) { // at the same time: no pair
        end--;
        newest = spike_of(j, end - 1);
    }
    if (end <= lowest)
        return;
    float k = decayed(uintBitsToFloat(newest.y), until - int(newest.x), rule_of(2));
    if (RULE == DOPAMINE)
        c = plus(c, -times(rule_of(5), k));
    else if (RULE == TRIPLET)
        w = clipped(plus(w, -times(k, plus(rule_of(5), times(rule_of(7), v.second)))));
    else
        w = lowered(w, k);
}

// A row from load a on, of neurons `own`, own + EVERY and so on; and what arrives of it.
void walk(uint a, uint end, uint own, Visit v)
{
    uint mask = p.slots - 1;
    for (; a < end; a += LOCAL) {
        uvec4 pair = AT(synapse, a);
        vec2 tags = RULE == DOPAMINE ? AT(tag, a) : vec2(0);
        for (uint c = 0; c < 4; c += 2) {
            uint d = pair[c] >> 16, target = own + (pair[c] & 0xFFFFu) * EVERY;
            if (d == 0)
                continue;
            float w = uintBitsToFloat(pair[c + 1]);
            if (RULE != SHORT_TERM) {
                learn(w, tags[c / 2], (target + 1) * RANKS - p.into, int(d), v);
                pair[c + 1] = floatBitsToUint(w);
            }
            if (v.fires) {
                float units = times(RULE == SHORT_TERM ? times(w, v.second) : w, p.unit);
                uint slot = p.receptor * p.slots + (uint(v.t) + d & mask);
                ARRIVES(slot * p.width + target, int(floor(plus(units, 0.5))));
            }
        }
        if (RULE != SHORT_TERM)
            AT(synapse, a) = pair;
        if (RULE == DOPAMINE)
            AT(tag, a) = tags;
    }
}

// The spike that entry e of the batch is, and whether it is one of this projection's sources.
bool visit_of(uint now, uint k, uint e, out uint source, out Visit v, out uint next)
{
    source = AT(list, k * p.total + e) - p.pre_first;
    if (source >= p.pre)
        return false;
    uvec4 found = AT(event, k * p.total + e);
    int t = int(now + k), before = int(found.z);
    v = Visit(t, before, uintBitsToFloat(found.x), uintBitsToFloat(found.y), before == NEVER ? t : max(before, AT(status, 0)), true);
    next = found.w;
    return true;
}

// A sweep over a source's synapses; false if there is nothing to do, or if the source fires in the batch, which does it.
bool sweep_of(uint now, uint source, out Visit v)
{
    int before = AT(last, source);
    v = Visit(AT(status, 2), before, AT(trace, source), 0.0, max(before, AT(status, 0)), false);
    return before != NEVER && before < int(now) && v.from < v.t;
}
