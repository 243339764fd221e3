#version 450
// A batch's spikes into what synapses that change know of their sources and targets; one workgroup, before
// sim-plastic walks the rows.
#include "common.glsl"
#include "math.glsl"
#include "exact.glsl"

READS(0, uint, count); // (B + 2): spikes of each step of the batch, then the step at which it begins
READS(1, uint, list); // (B, total)
CHANGES(2, uvec4, event); // (B, total): trace and second trace, step of the spike before, the source's next in the batch
coherent CHANGES(3, float, trace); // (TRACES, sources): what the last spike left
coherent CHANGES(4, int, last); // (sources) its step, or NEVER
coherent CHANGES(5, uint, place); // (sources) its place in the batch
coherent CHANGES(6, uint, heard); // (targets) spikes so far
coherent CHANGES(7, uvec2, history); // (targets, ROOM) steps of the latest ones, and the trace that each left
coherent CHANGES(8, float, prior); // (targets, ROOM) the second trace just before each; TRIPLET alone
coherent CHANGES(9, int, status); // up to where all weights are, whether a sweep is due, up to where; jumps of dopamine
READS(10, float, rule);
coherent CHANGES(11, uvec2, dopamine); // (4 ROOM) steps at which the level jumps, and to what
coherent CHANGES(12, float, seconds); // (targets) the second trace after the last spike; TRIPLET alone
layout(push_constant) uniform Push {
    OFFSETS(13);
    uint n; uint steps; uint total;
    uint pre; uint pre_first;
    uint post; uint post_number; // targets, and the first one's number in the network
    uint givers; uint giver_first; // neurons whose spikes release dopamine, and the first one's number
    uint late; // steps from such a spike to the level's jump
    uint longest; // delay of a synapse, steps
} p;
layout(constant_id = 1) const uint RULE = 0;
layout(constant_id = 2) const uint ROOM = 64;
layout(constant_id = 3) const uint NEAREST = 0; // traces forget all but the last spike
const uint PAIR = 0, TRIPLET = 1, DOPAMINE = 2, SHORT_TERM = 3; // RULE
const int NEVER = -0x40000000, SPLIT = 256;
const uint NOWHERE = 0xFFFFFFFFu;

shared uint released;

float left_of(float value, int since, float rate)
{
    return times(value, exponential(times(float(since), -rate)));
}

float added(float left) { return NEAREST == 1 ? 1.0 : plus(left, 1.0); }

// A spike of a source at step t, entry e of the batch.
void sent(uint source, int t, int now, uint e)
{
    int before = AT(last, source), since = t - before;
    float one = AT(trace, source), two = RULE == TRIPLET || RULE == SHORT_TERM ? AT(trace, p.pre + source) : 0.0;
    uvec4 said = uvec4(floatBitsToUint(one), 0, uint(before), NOWHERE);
    if (RULE == SHORT_TERM) { // what is there, x, and the share that is used, u
        float x = 1.0, u = AT(rule, 4), rest = plus(1.0, -u);
        if (before != NEVER) {
            x = plus(1.0, left_of(plus(plus(one, -times(one, two)), -1.0), since, AT(rule, 0)));
            u = plus(u, left_of(times(two, rest), since, AT(rule, 1)));
        }
        said.y = floatBitsToUint(times(x, u));
        AT(trace, source) = x;
        AT(trace, p.pre + source) = u;
    } else {
        float left = left_of(two, since, AT(rule, 1));
        said.y = floatBitsToUint(left);
        AT(trace, source) = added(left_of(one, since, AT(rule, 0)));
        if (RULE == TRIPLET)
            AT(trace, p.pre + source) = added(left);
    }
    AT(event, e) = said;
    if (before >= now)
        AT(event, AT(place, source)).w = e;
    AT(last, source) = t;
    AT(place, source) = e;
}

// A spike of target j at step t.
void received(uint j, int t)
{
    uint all = AT(heard, j), to = j * ROOM + (all & ROOM - 1);
    uvec2 before = all == 0 ? uvec2(uint(NEVER), 0) : AT(history, j * ROOM + (all - 1 & ROOM - 1));
    int since = t - int(before.x);
    AT(history, to) = uvec2(uint(t), floatBitsToUint(added(left_of(uintBitsToFloat(before.y), since, AT(rule, 2)))));
    if (RULE == TRIPLET) {
        float left = left_of(AT(seconds, j), since, AT(rule, 3));
        AT(prior, to) = left;
        AT(seconds, j) = added(left);
    }
    AT(heard, j) = all + 1;
    int newest = int(all) - int(ROOM) + int(p.steps); // that the next batch may take the place of
    if (newest >= 0 && int(AT(history, j * ROOM + (uint(newest) & ROOM - 1)).x) > AT(status, 0) - int(p.longest))
        atomicMax(AT(status, 1), 1);
}

// So many spikes that release dopamine arrive at step t.
void jumps(uint spikes, int t)
{
    int all = AT(status, 3);
    uvec2 before = all == 0 ? uvec2(uint(NEVER), 0) : AT(dopamine, uint(all - 1) & 4 * ROOM - 1);
    float level = left_of(uintBitsToFloat(before.y), t - int(before.x), AT(rule, 16));
    level = plus(level, times(float(spikes), AT(rule, 19)));
    AT(dopamine, uint(all) & 4 * ROOM - 1) = uvec2(uint(t), floatBitsToUint(level));
    AT(status, 3) = all + 1;
}

// Whether the next batch may take the place of a jump that weights need; the host makes some too.
bool full()
{
    int newest = AT(status, 3) - int(4 * ROOM) + 2 * int(p.steps) + 2; // one before what is needed says where the level was
    return newest >= 0 && int(AT(dopamine, uint(newest) & 4 * ROOM - 1).x) > AT(status, 0);
}

void main()
{
    int now = int(AT(count, p.steps));
    if (gl_LocalInvocationID.x == 0 && AT(status, 1) != 0) { // what the last batch did
        AT(status, 0) = AT(status, 2);
        AT(status, 1) = 0;
    }
    if (gl_LocalInvocationID.x == 0) {
        AT(status, 2) = RULE == DOPAMINE ? now / SPLIT * SPLIT : now - 1;
        released = 0;
        if (RULE == DOPAMINE && full())
            atomicMax(AT(status, 1), 1);
    }
    for (uint k = 0; k < p.steps; k++) {
        memoryBarrierBuffer();
        barrier();
        uint all = AT(count, k);
        int t = now + int(k);
        for (uint e = gl_LocalInvocationID.x; e < all; e += gl_WorkGroupSize.x) {
            uint number = AT(list, k * p.total + e);
            if (number - p.pre_first < p.pre)
                sent(number - p.pre_first, t, now, k * p.total + e);
            if (RULE != SHORT_TERM && number - p.post_number < p.post)
                received(number - p.post_number, t);
            if (RULE == DOPAMINE && number - p.giver_first < p.givers)
                atomicAdd(released, 1u);
        }
        if (RULE == DOPAMINE) {
            memoryBarrierShared();
            barrier();
            if (gl_LocalInvocationID.x == 0 && released > 0) {
                jumps(released, t + int(p.late));
                released = 0;
            }
        }
    }
}
