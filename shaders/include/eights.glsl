// Two neighbouring fours in one load or store, as four numbers of 64 bits.  On lavapipe what costs is each lane's visit to
// memory, not the bytes that it takes; the runtime takes such a variant where Tuning.eights says so and every tensor
// begins where eight can be loaded.  `i` is the first of the two, an even number of fours.
struct Pair { vec4 a, b; };

Pair pair_of(u64vec4 v)
{
    return Pair(uintBitsToFloat(uvec4(unpackUint2x32(v.x), unpackUint2x32(v.y))),
                uintBitsToFloat(uvec4(unpackUint2x32(v.z), unpackUint2x32(v.w))));
}

u64vec4 packed(vec4 a, vec4 b)
{
    uvec4 c = floatBitsToUint(a), d = floatBitsToUint(b);
    return u64vec4(packUint2x32(c.xy), packUint2x32(c.zw), packUint2x32(d.xy), packUint2x32(d.zw));
}

bvec4 before(uint i, uint end) { return lessThan(4 * i + uvec4(0, 1, 2, 3), uvec4(end)); }

#define PAIR(name, i) pair_of(name##_eights.name[(BEGIN(name) + (i)) / 2])
#define PUT_PAIR(name, i, a, b) name##_eights.name[(BEGIN(name) + (i)) / 2] = packed(a, b)
