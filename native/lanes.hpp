// Sixteen floats at once, by the vector types that GCC and Clang share, for the host's passes through memory.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

// A function that is compiled for several instruction sets, of which the process takes the best that its processor has.
// All give the same bits: sums have one order, and nothing is contracted (-ffp-contract=off).
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define GRILLY_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define GRILLY_WIDE
#endif
#define GRILLY_INLINE inline __attribute__((always_inline))

namespace grilly {

constexpr std::int64_t LANES = 16;
typedef float Lanes __attribute__((vector_size(64)));
typedef std::int32_t LaneMask __attribute__((vector_size(64)));
typedef float LanesInMemory __attribute__((vector_size(64), aligned(4), may_alias));

// (Arguments by reference: the ABI of such vectors depends on the instruction set.)
GRILLY_INLINE void load(Lanes& to, const float* from) { to = *(const LanesInMemory*)from; }
GRILLY_INLINE void store(float* to, const Lanes& from) { *(LanesInMemory*)to = from; }
GRILLY_INLINE void fill(Lanes& to, float value) { to = value - Lanes{}; }
// The first `few` of sixteen; the others are zero.
GRILLY_INLINE void load_some(Lanes& to, const float* from, std::int64_t few)
{
    if (few >= LANES) {
        load(to, from);
        return;
    }
    to = Lanes{};
    std::memcpy(&to, from, few * sizeof(float));
}
GRILLY_INLINE void store_some(float* to, const Lanes& from, std::int64_t few)
{
    if (few >= LANES)
        store(to, from);
    else
        std::memcpy(to, &from, few * sizeof(float));
}
// Where a mask is set, a, else b.
GRILLY_INLINE void choose(Lanes& to, const LaneMask& where, const Lanes& a, const Lanes& b)
{
    to = (Lanes)(((LaneMask)a & where) | ((LaneMask)b & ~where));
}
// Zero in the first `count` lanes.
GRILLY_INLINE void drop(Lanes& of, std::int64_t count)
{
    const LaneMask place{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    const LaneMask keep = place >= (std::int32_t)count;
    of = (Lanes)((LaneMask)of & keep);
}
GRILLY_INLINE double total(const Lanes& of)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += of[i];
    return sum;
}

} // namespace grilly
