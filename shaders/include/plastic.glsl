// Spike-timing-dependent plasticity, event by event, with traces that a spike sets to 1: all that is kept of a trace
// is the step of the last spike.  Behind the lists lie the inputs' last steps, the neurons that fired, and theirs.
#if VEC == 4
#define PART(value, m) (value)[m]
#define WEIGHT(i, j) AT(w, (i) * p.n + (j) / 4)[(j) % 4]
#else
#define PART(value, m) (value)
#define WEIGHT(i, j) AT(w, (i) * p.n + (j))
#endif
#define LAST_INPUT(i) lists[at + (BLOCK + 2) * p.ins + (i)]
#define FIRED(k) lists[at + (BLOCK + 3) * p.ins + (k)]
#define LAST_SPIKE(j) lists[at + (BLOCK + 3) * p.ins + VEC * p.n + (j)]

#include "pairs.glsl" // made of equations/updates.py

// Moves a weight by what its pair of neurons did, to no less than 0 and no more than `most`.
void move(uint i, uint j, float up, float down, float most)
{
    REAL now = REAL(WEIGHT(i, j));
    precise REAL moved = now + pair_change(now, REAL(up), REAL(down), 0.0, most, false);
    WEIGHT(i, j) = FIRST(bounded(moved, 0.0, most));
}

// Nothing has fired yet.
void forget(uint at)
{
    if (LEARN == 0)
        return;
    for (uint i = gl_LocalInvocationID.x; i < p.ins; i += gl_WorkGroupSize.x)
        LAST_INPUT(i) = NOBODY;
    for (uint j = gl_LocalInvocationID.x; j < VEC * p.n; j += gl_WorkGroupSize.x)
        LAST_SPIKE(j) = NOBODY;
}

// The step's changes: inputs that fire depress their weights to neurons that fired before, then the neuron that fires
// potentiates its weights.  Returns how many neurons have fired by now.
uint learn(uint at, uint list, uint inputs, uint t, uint last, uint known)
{
    uint lane = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x;
    for (uint e = lane; e < inputs; e += size)
        LAST_INPUT(lists[list + e]) = t;
    for (uint pair = lane; pair < inputs * known; pair += size) {
        uint i = lists[list + pair % inputs], j = FIRED(pair / inputs);
        precise float down = p.rate_pre * AT(fade, p.steps + t - LAST_SPIKE(j));
        move(i, j, 0.0, down, uintBitsToFloat(0x7F800000u)); // normalised weights may be above w_max
    }
    if (last == NOBODY) {
        if (inputs * known > 0)
            meet();
        return known;
    }
    bool first = LAST_SPIKE(last) == NOBODY;
    meet();
    for (uint i = lane; i < p.ins; i += size) {
        uint before = LAST_INPUT(i);
        float trace = before == NOBODY ? 0.0 : AT(fade, t - min(before, t));
        precise float up = p.rate_post * (trace - p.target);
        move(i, last, up, 0.0, p.w_max);
    }
    if (lane == 0) {
        LAST_SPIKE(last) = t;
        if (first)
            FIRED(known) = last;
    }
    meet();
    return known + (first ? 1 : 0);
}

// Brings the weights of every neuron that fired back to the sum `norm`; those of the others have not changed.
void normalise(uint at, uint known)
{
    uint lane = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x;
    for (uint k = 0; k < known; k++) {
        uint j = FIRED(k);
        float own = 0.0;
        for (uint i = lane; i < p.ins; i += size)
            own += WEIGHT(i, j);
        float sum = row_sum(own), scale = sum > 0.0 ? p.norm / sum : 1.0;
        for (uint i = lane; i < p.ins; i += size)
            WEIGHT(i, j) *= scale;
    }
    meet();
}
