#version 450
// variants: vec4
// Counts in each column the values that are not zero, and in one more counter the rows.  Counters have two words.
#include "common.glsl"
#include "vector.glsl"

READS(0, COUNT, x); // (rows, n): the bits of floats, integers or booleans
CHANGES(1, uint, c); // (2, n + 1): low words, high words
layout(push_constant) uniform Push {
    OFFSETS(2); uint n; uint rows; uint parts;
} p;

// Sums of whole numbers don't depend on the order, so atomics keep the result the same each time.
void add(uint counter, uint amount)
{
    uint before = atomicAdd(AT(c, counter), amount);
    if (before + amount < before)
        atomicAdd(AT(c, VEC * p.n + 1 + counter), 1u);
}

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n * p.parts; i += stride()) {
        uint column = i % p.n;
        COUNT found = COUNT(0);
        for (uint row = i / p.n; row < p.rows; row += p.parts)
            found += COUNT(NONE(EQUAL(AT(x, row * p.n + column) & 0x7fffffffu, COUNT(0)))); // -0.0 is zero
#if VEC == 4
        for (uint k = 0; k < 4; k++)
            add(4 * column + k, found[k]);
#else
        add(column, found);
#endif
        if (i == 0)
            add(VEC * p.n, p.rows);
    }
}
