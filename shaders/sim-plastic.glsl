#version 450
// Spikes of a batch through synapses that change, by owners: an invocation walks its own part of every row.
#include "common.glsl"
#define ARRIVES(place, units) AT(ring, place) += units
#define EVERY LOCAL
#include "sim-visit.glsl"

void main()
{
    uint now = AT(count, p.steps), lane = gl_LocalInvocationID.x, source, next;
    Visit v;
    for (uint s = gl_WorkGroupID.x; s < p.n; s += groups()) {
        uint own = (p.first + s) * p.per * LOCAL + lane, row = s * (p.pre + 1);
        if (RULE != SHORT_TERM && AT(status, 1) != 0)
            for (source = 0; source < p.pre; source++)
                if (sweep_of(now, source, v))
                    walk(AT(rows, row + source) + lane, AT(rows, row + source + 1), own, v);
        for (uint k = 0; k < p.steps; k++) {
            uint all = AT(count, k);
            for (uint e = 0; e < all; e++)
                if (visit_of(now, k, e, source, v, next))
                    walk(AT(rows, row + source) + lane, AT(rows, row + source + 1), own, v);
        }
    }
}
