// A part of the synapses into one group, as the kernels of delivery walk it: rows by slice and source.  A slice has LOCAL
// or more neurons that follow each other, which its lanes own in turn; a row has as many words for each lane, four by
// four and the rest one by one.  Where sums are atomic it is whole loads of 16 bytes.  See grilly_vk/sim/tables.py.
READS(0, uint, first_record); // (total) of each source, or NOWHERE
READS(1, uvec4, record); // a projection's: place in rows of source 0, sources + 1, what is packed below, weight
READS(2, uint, rows); // (slices, sources + 1) for each projection: where each row begins, in words of a lane, or in loads
READS(3, LOAD, synapse);
CHANGES(4, int, ring); // (receptors, slots, width)
READS(5, uint, count); // (B + 2): spikes of each step of the batch, then the step at which it begins
READS(6, uint, list); // (B, total) sources that fired
layout(push_constant) uniform Push {
    OFFSETS(7);
    uint n; // slices of this part
    uint first; // the first of them
    uint steps; uint total; uint slots; uint width;
    uint per; // neurons that a lane owns; where sums are atomic, a slice has one lane
    uint spare; // where places begin that no neuron reads
    uint line; // of these, how many a slice has
} p;
const uint NOWHERE = 0xFFFFFFFFu;
// Packed in a record: format 2 bits, whether the source has another one behind it, shift 5, receptor 8, delay 16.
#define FORMAT_OF(what) ((what) & 3u)
#define MORE_AFTER(what) (((what) & 4u) != 0)
#define SHIFT_OF(what) ((what) >> 3 & 31u)
#define RECEPTOR_OF(what) ((what) >> 8 & 255u)
#define DELAY_OF(what) ((what) >> 16)
const uint TARGETS = 0; // two a word, targets in the slice from 1 on, 0 for none; weight and delay are the record's
const uint PACKED = 1; // a word: target of its lane 11 bits, delay 6, weight 15 to be shifted
const uint FULL = 2; // two words: target of its lane 16 bits, delay 16; weight 32
