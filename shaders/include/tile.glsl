// Weight matrices (out, in) in tiles: four outputs by four inputs an invocation, weights in registers.

// Four neighbouring neurons; past the end the last one again, whose results are not stored.
uvec4 four(uint first, uint n) { return min(uvec4(first) + uvec4(0, 1, 2, 3), uvec4(n - 1)); }

#define LOAD4(array, at) vec4(array[(at).x], array[(at).y], array[(at).z], array[(at).w])
#define ULOAD4(array, at) uvec4(array[(at).x], array[(at).y], array[(at).z], array[(at).w])

// Row c of the tile at (o, i) to memory.
#define STORE4(array, at, row, o, i, outs, ins) \
    for (uint k = 0; k < 4; k++) \
        if ((o) < (outs) && (i) + k < (ins)) \
            array[(at) + (o) * (ins) + (i) + k] = (row)[k]
