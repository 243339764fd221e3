#version 450
// Spikes of a batch into what arrives later, by owners: each invocation owns some neurons and walks its own part of
// every spiking source's row, so that no number is changed by two and none is atomic.
#include "common.glsl"
#include "sim-table.glsl"

void main()
{
    uint now = AT(count, p.steps), lane = gl_LocalInvocationID.x, mask = p.slots - 1;
    for (uint s = gl_WorkGroupID.x; s < p.n; s += groups()) {
        uint slice = BEGIN(ring) + (p.first + s) * p.per * LOCAL, own = slice + lane * p.per;
        uint spare = BEGIN(ring) + p.spare + (p.first + s) * p.line + lane;
        for (uint k = 0; k < p.steps; k++) {
            uint all = AT(count, k), t = now + k;
            for (uint e = 0; e < all; e++) {
                uint source = AT(list, k * p.total + e), r = AT(first_record, source);
                for (bool more = r != NOWHERE; more; r++) {
                    uvec4 table = AT(record, r);
                    more = MORE_AFTER(table.z);
                    uint row = table.x + s * table.y + source, receptor = RECEPTOR_OF(table.z) * p.slots, format = FORMAT_OF(table.z);
                    uint a = BEGIN(synapse) + AT(rows, row) + lane, end = BEGIN(synapse) + AT(rows, row + 1);
                    if (format == TARGETS) {
                        uint slot = (receptor + (t + DELAY_OF(table.z) & mask)) * p.width;
                        uint from = slot + slice - 1, none = slot + spare;
                        for (; a < end; a += LOCAL) {
                            uvec4 found = synapse[a], low = found & 0xFFFFu, high = found >> 16;
                            for (uint c = 0; c < 4; c++) {
                                ring[low[c] == 0 ? none : from + low[c]] += int(table.w);
                                ring[high[c] == 0 ? none : from + high[c]] += int(table.w);
                            }
                        }
                    } else if (format == PACKED) {
                        for (; a < end; a += LOCAL) {
                            uvec4 found = synapse[a], slot = (receptor + (t + (found >> 11 & 63u) & mask)) * p.width;
                            ivec4 weight = ivec4(found) >> 17 << SHIFT_OF(table.z);
                            for (uint c = 0; c < 4; c++)
                                ring[own + slot[c] + (found[c] & 2047u)] += weight[c];
                        }
                    } else
                        for (; a < end; a += LOCAL) {
                            uvec4 found = synapse[a];
                            uvec2 to = own + (receptor + (t + (found.xz >> 16) & mask)) * p.width + (found.xz & 0xFFFFu);
                            ring[to.x] += int(found.y);
                            ring[to.y] += int(found.w);
                        }
                }
            }
        }
    }
}
