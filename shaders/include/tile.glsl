// Weight matrices (out, in) in tiles: four outputs by four inputs an invocation, weights in registers.

// Four neighbouring neurons; past the end the last one again, whose results are not stored.
uvec4 four(uint first, uint n) { return min(uvec4(first) + uvec4(0, 1, 2, 3), uvec4(n - 1)); }

#define LOAD4(array, i) vec4(AT(array, (i).x), AT(array, (i).y), AT(array, (i).z), AT(array, (i).w))
#define ULOAD4(array, i) uvec4(AT(array, (i).x), AT(array, (i).y), AT(array, (i).z), AT(array, (i).w))

// Row c of the tile at (o, i) to the elements from `at` on.
#define STORE4(array, at, row, o, i, outs, ins) \
    for (uint k = 0; k < 4; k++) \
        if ((o) < (outs) && (i) + k < (ins)) \
            AT(array, (at) + (o) * (ins) + (i) + k) = (row)[k]
