// The products of product.glsl where every lane's load costs the same (lavapipe): a subgroup of 8 lanes makes ROWS x 32
// of C.  A lane keeps 4 columns of it, loads 4 x 4 elements of B for itself, and of A what all lanes get by broadcast.
// k is a multiple of 4, and rows begin at multiples of four elements.  Macros of the including shader: as there, and
// MORE(col), what DONE gets beside the sums of four columns.  WIDE_C: c is stored four columns at a time, too.
// PUT(row, col, sum), in place of a C: what to do with the sums of four columns; with it FORM, ROWS, the arrays and
// the sizes are the including shader's own.
#ifndef PUT
layout(constant_id = 1) const uint FORM = 0; // 0: A B, 1: A B^T, 2: A^T B
layout(constant_id = 2) const uint ROWS = 32; // 8, 16 or 32
#define ARRAY_A a
#define ARRAY_B b
#define BATCH p.batch
#define SIZE_M p.m
#define SIZE_N p.n
#define SIZE_K p.k
#endif

// Row j of eight, for four k: which lane and component of u hold it.
#define TURNED(u, j, q) subgroupBroadcast((u)[j % 4], j / 4 * 4 + q)
#define PART(u, j) \
    (FORM == 2 ? vec4(TURNED(u, j, 0), TURNED(u, j, 1), TURNED(u, j, 2), TURNED(u, j, 3)) : subgroupBroadcast(u, j))
#define ROW(j) { \
        vec4 t = PART(u[r], j), s = sum[r * 8 + j]; \
        s += t.x * v0; \
        s += t.y * v1; \
        s += t.z * v2; \
        s += t.w * v3; \
        sum[r * 8 + j] = s; \
    }
#define ROWS8(first) if (first < ROWS) { \
        const uint r = first / 8; \
        ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) \
    }

void main()
{
    uint lane = gl_SubgroupInvocationID, teams = groups() * gl_NumSubgroups;
    uint tiles_m = (SIZE_M + ROWS - 1) / ROWS, tiles_n = (SIZE_N + 31) / 32;
    uint first = gl_WorkGroupID.x + gl_SubgroupID * groups(); // few tiles: one a workgroup
    for (uint i = first; i < BATCH * tiles_m * tiles_n; i += teams) {
        uint row = i % tiles_m * ROWS, col = i / tiles_m % tiles_n * 32 + lane * 4, batch = i / tiles_m / tiles_n;
        // Past an edge: the last again.  A^T: four lanes take the k, two take four rows each.
        uint a0 = BEGIN(ARRAY_A) + A_START(batch) / 4, b0 = BEGIN(ARRAY_B) + B_START(batch) / 4, c0 = C_START(batch);
        uint ra[4], rb[4];
        for (uint r = 0; r < 4; r++) {
            ra[r] = a0 + (FORM == 2 ? lane % 4 * (A_ROW / 4) + min((row + r * 8) / 4 + lane / 4, SIZE_M / 4 - 1)
                                    : min(row + r * 8 + lane, SIZE_M - 1) * (A_ROW / 4));
            rb[r] = b0 + (FORM == 1 ? min(col + r, SIZE_N - 1) * (B_ROW / 4) : r * (B_ROW / 4) + min(col / 4, SIZE_N / 4 - 1));
        }
        vec4 sum[ROWS];
        for (uint x = 0; x < ROWS; x++)
            sum[x] = vec4(0);
        for (uint k = 0; k < SIZE_K / 4; k++) {
            uint ka = FORM == 2 ? k * A_ROW : k, kb = FORM == 1 ? k : k * B_ROW;
            vec4 v0 = ARRAY_B[rb[0] + kb], v1 = ARRAY_B[rb[1] + kb], v2 = ARRAY_B[rb[2] + kb], v3 = ARRAY_B[rb[3] + kb];
            if (FORM == 1) {
                mat4 w = transpose(mat4(v0, v1, v2, v3));
                v0 = w[0], v1 = w[1], v2 = w[2], v3 = w[3];
            }
            vec4 u[ROWS / 8];
            for (uint r = 0; r < ROWS / 8; r++)
                u[r] = ARRAY_A[ra[r] + ka];
            ROWS8(0)
            ROWS8(8)
            ROWS8(16)
            ROWS8(24)
        }
#ifndef PUT
        vec4 more = MORE(col);
#endif
        for (uint x = row; x < min(row + ROWS, SIZE_M); x += 2) { // two at a time: code for each would be long
            for (uint j = 0; j < 2; j++)
#ifdef PUT
                if (x + j < SIZE_M && col < SIZE_N)
                    PUT(x + j, col, sum[j]);
#elif defined(WIDE_C)
                if (x + j < SIZE_M && col < SIZE_N)
                    AT(c, (c0 + (x + j) * C_ROW + col) / 4) = DONE(sum[j], more);
#else
                for (uint y = 0; y < 4; y++)
                    if (x + j < SIZE_M && col + y < SIZE_N)
                        AT(c, c0 + (x + j) * C_ROW + col + y) = DONE(sum[j][y], more[y]);
#endif
            for (uint j = 2; j < ROWS; j++)
                sum[j - 2] = sum[j];
        }
    }
}
