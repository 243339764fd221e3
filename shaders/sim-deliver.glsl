#version 450
// Spikes of a batch into what arrives later, by owners: each invocation owns some neurons and walks its own part of
// every spiking source's row, so that no number is changed by two and none is atomic.
#include "common.glsl"
#define LOAD uint
#include "sim-table.glsl"
READS_FOURS(uvec4, synapse);

void main()
{
    uint now = AT(count, p.steps), lane = gl_LocalInvocationID.x, mask = p.slots - 1;
    for (uint s = gl_WorkGroupID.x; s < p.n; s += groups()) {
        uint slice = BEGIN(ring) + (p.first + s) * p.per * LOCAL, own = slice + lane;
        uint spare = BEGIN(ring) + p.spare + (p.first + s) * p.line + lane;
        for (uint k = 0; k < p.steps; k++) {
            uint all = AT(count, k), t = now + k;
            for (uint e = 0; e < all; e++) {
                uint source = AT(list, k * p.total + e), r = AT(first_record, source);
                for (bool more = r != NOWHERE; more; r++) {
                    uvec4 table = AT(record, r);
                    more = MORE_AFTER(table.z);
                    uint row = table.x + s * table.y + source, receptor = RECEPTOR_OF(table.z) * p.slots, format = FORMAT_OF(table.z);
                    uint begin = AT(rows, row), many = AT(rows, row + 1) - begin; // words of each lane
                    uint a = BEGIN(synapse) / 4 + begin * (LOCAL / 4) + lane, last = a + many / 4 * LOCAL;
                    uint b = BEGIN(synapse) + (begin + many / 4 * 4) * LOCAL + lane, end = BEGIN(synapse) + (begin + many) * LOCAL;
                    if (format == TARGETS) {
                        uint slot = (receptor + (t + DELAY_OF(table.z) & mask)) * p.width;
                        uint from = slot + slice - 1, none = slot + spare;
                        for (; a < last; a += LOCAL) {
                            uvec4 found = synapse_fours.synapse[a], low = found & 0xFFFFu, high = found >> 16;
                            for (uint c = 0; c < 4; c++) {
                                ring[low[c] == 0 ? none : from + low[c]] += int(table.w);
                                ring[high[c] == 0 ? none : from + high[c]] += int(table.w);
                            }
                        }
                        for (; b < end; b += LOCAL) {
                            uint low = synapse[b] & 0xFFFFu, high = synapse[b] >> 16;
                            ring[low == 0 ? none : from + low] += int(table.w);
                            ring[high == 0 ? none : from + high] += int(table.w);
                        }
                    } else if (format == PACKED) {
                        for (; a < last; a += LOCAL) {
                            uvec4 found = synapse_fours.synapse[a], slot = (receptor + (t + (found >> 11 & 63u) & mask)) * p.width;
                            ivec4 weight = ivec4(found) >> 17 << SHIFT_OF(table.z);
                            for (uint c = 0; c < 4; c++)
                                ring[own + slot[c] + (found[c] & 2047u) * LOCAL] += weight[c];
                        }
                        for (; b < end; b += LOCAL) {
                            uint slot = (receptor + (t + (synapse[b] >> 11 & 63u) & mask)) * p.width;
                            ring[own + slot + (synapse[b] & 2047u) * LOCAL] += int(synapse[b]) >> 17 << SHIFT_OF(table.z);
                        }
                    } else {
                        for (; a < last; a += LOCAL) {
                            uvec4 found = synapse_fours.synapse[a];
                            uvec2 to = own + (receptor + (t + (found.xz >> 16) & mask)) * p.width + (found.xz & 0xFFFFu) * LOCAL;
                            ring[to.x] += int(found.y);
                            ring[to.y] += int(found.w);
                        }
                        if (b < end) { // two words of each lane
                            uint slot = (receptor + (t + (synapse[b] >> 16) & mask)) * p.width;
                            ring[own + slot + (synapse[b] & 0xFFFFu) * LOCAL] += int(synapse[b + LOCAL]);
                        }
                    }
                }
            }
        }
    }
}
