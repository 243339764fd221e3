#version 450
// Spikes of a batch through synapses that change, by rows: a workgroup takes a row in a slice, and for all spikes of
// its source in the batch, one after the other.  The weights and what arrives are those of sim-plastic, bit for bit.
#include "common.glsl"
#define ARRIVES(place, units) atomicAdd(AT(ring, place), units)
#define EVERY 1u
#include "sim-visit.glsl"

void main()
{
    uint now = AT(count, p.steps), lane = gl_LocalInvocationID.x, source, link;
    Visit v;
    if (RULE != SHORT_TERM && AT(status, 1) != 0)
        for (uint item = gl_WorkGroupID.x; item < p.pre * p.n; item += groups()) {
            uint s = item % p.n;
            source = item / p.n;
            uint row = s * (p.pre + 1) + source;
            if (sweep_of(now, source, v))
                walk(AT(rows, row) + lane, AT(rows, row + 1), (p.first + s) * p.per, v);
        }
    uint before = 0, mine = gl_WorkGroupID.x; // rows of the steps so far, and the next that is ours
    for (uint k = 0; k < p.steps; k++) {
        uint all = AT(count, k) * p.n;
        for (; mine < before + all; mine += groups()) {
            uint s = (mine - before) % p.n;
            if (!visit_of(now, k, (mine - before) / p.n, source, v, link) || v.last >= int(now))
                continue; // whoever has the source's first spike in the batch takes this one
            uint row = s * (p.pre + 1) + source;
            walk(AT(rows, row) + lane, AT(rows, row + 1), (p.first + s) * p.per, v);
            while (link != NOWHERE) {
                visit_of(now, link / p.total, link % p.total, source, v, link);
                walk(AT(rows, row) + lane, AT(rows, row + 1), (p.first + s) * p.per, v);
            }
        }
        before += all;
    }
}
