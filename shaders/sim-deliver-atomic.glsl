#version 450
// Spikes of a batch into what arrives later, by rows: a workgroup takes a spiking source's row in a slice, and adds by
// atomics.  What is added is whole numbers, so the result is that of sim-deliver, bit for bit.
#include "common.glsl"
#define LOAD uvec4
#include "sim-table.glsl"

void main()
{
    uint now = AT(count, p.steps), mask = p.slots - 1;
    uint before = 0, next = gl_WorkGroupID.x; // rows of the steps so far, and the next that is ours
    for (uint k = 0; k < p.steps; k++) {
        uint all = AT(count, k) * p.n, t = now + k;
        for (; next < before + all; next += groups()) {
            uint e = next - before, s = e % p.n, slice = BEGIN(ring) + (p.first + s) * p.per;
            uint source = AT(list, k * p.total + e / p.n), r = AT(first_record, source);
            for (bool more = r != NOWHERE; more; r++) {
                uvec4 table = AT(record, r);
                more = MORE_AFTER(table.z);
                uint row = table.x + s * table.y + source, receptor = RECEPTOR_OF(table.z) * p.slots, format = FORMAT_OF(table.z);
                uint begin = AT(rows, row), loads = AT(rows, row + 1) - begin;
                for (uint a = gl_LocalInvocationID.x; a < loads; a += LOCAL) {
                    uvec4 found = AT(synapse, begin + a);
                    if (format == TARGETS) {
                        uint from = (receptor + (t + DELAY_OF(table.z) & mask)) * p.width + slice - 1;
                        for (uint c = 0; c < 8; c++) {
                            uint target = c % 2 == 0 ? found[c / 2] & 0xFFFFu : found[c / 2] >> 16;
                            if (target != 0)
                                atomicAdd(ring[from + target], int(table.w));
                        }
                        continue;
                    }
                    if (format == PACKED) {
                        for (uint c = 0; c < 4; c++) {
                            int weight = int(found[c]) >> 17 << SHIFT_OF(table.z);
                            uint slot = (receptor + (t + (found[c] >> 11 & 63u) & mask)) * p.width;
                            if (weight != 0)
                                atomicAdd(ring[slice + slot + (found[c] & 2047u)], weight);
                        }
                    } else
                        for (uint c = 0; c < 4; c += 2) {
                            uint slot = (receptor + (t + (found[c] >> 16) & mask)) * p.width;
                            if (found[c + 1] != 0)
                                atomicAdd(ring[slice + slot + (found[c] & 0xFFFFu)], int(found[c + 1]));
                        }
                }
            }
        }
        before += all;
    }
}
