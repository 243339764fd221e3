// A part of the synapses into one group, as the kernels of delivery walk it: rows by slice and source, each of them
// whole loads of 16 bytes.  A slice has LOCAL or more neurons that follow each other; see grilly_vk/sim/tables.py.
READS(0, uint, where); // (total) of each source: the stretch of sources that it belongs to
READS(1, uint, range); // (stretches + 1): which records a stretch has
READS(2, uvec4, record); // (records, 2): place in rows of source 0, sources + 1, format, 0; weight, delay, shift, receptor
READS(3, uint, rows); // (slices, sources + 1) for each projection: where each row begins, in loads
READS(4, uvec4, synapse);
CHANGES(5, int, ring); // (receptors, slots, width)
READS(6, uint, count); // (B + 2): spikes of each step of the batch, then the step at which it begins
READS(7, uint, list); // (B, total) sources that fired
layout(push_constant) uniform Push {
    OFFSETS(8);
    uint n; // slices of this part
    uint first; // the first of them
    uint steps; uint total; uint slots; uint width;
    uint per; uint lanes; // neurons that a lane owns, lanes of a slice
    uint spare; // where places begin that no neuron reads
    uint line; // of these, how many a slice has
} p;
const uint TARGETS = 0; // eight targets a load, from 1 on, 0 for none; weight and delay are the record's
const uint PACKED = 1; // four a load: target of its lane 11 bits, delay 6, weight 15 to be shifted
const uint FULL = 2; // two a load: target of its lane 16 bits, delay 16; weight 32
