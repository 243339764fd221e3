// Products on matrix units, for the kernels of shaders/matrices: a workgroup's subgroups share a tile of the result of
// SUBGROUPS * ROWS * M rows and COLUMNS * N columns.  Factors are rounded to float16, products are summed in float32.
// Before it: common.glsl, the extensions, and A_BY_COLUMNS and B_BY_COLUMNS, which say how tiles lie in shared memory.
layout(constant_id = 3) const uint M = 16; // M x K times K x N, as the device multiplies them
layout(constant_id = 4) const uint N = 16;
layout(constant_id = 5) const uint K = 16;
layout(constant_id = 6) const uint SUBGROUPS = 2; // in a workgroup
layout(constant_id = 7) const uint ROWS = 2;      // matrices of the result that a subgroup keeps
layout(constant_id = 8) const uint COLUMNS = 4;

const uint TALL = SUBGROUPS * ROWS * M, WIDE = COLUMNS * N, DEEP = 2 * K;
// Neighbours lie 8 more elements apart than they are long: 16 bytes, to which loads of matrices are aligned.
const uint A_LONG = A_BY_COLUMNS ? TALL : DEEP, B_LONG = B_BY_COLUMNS ? DEEP : WIDE;
const uint A_APART = A_LONG + 8, B_APART = B_LONG + 8;
shared float16_t a_tile[(A_BY_COLUMNS ? DEEP : TALL) * A_APART];
shared float16_t b_tile[(B_BY_COLUMNS ? WIDE : DEEP) * B_APART];
shared float c_tile[SUBGROUPS * M * N];

#define LEFT coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define SUM coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
SUM sums[ROWS * COLUMNS]; // no argument of `multiply`: Mesa 26.1 does not give an inout array of matrices back

void load(uint k);                       // the kernel's: both tiles from element k of the sums on, zeros past the ends
void store(uint r, uint q, float value); // the kernel's: element (r, q) of the tile, which may lie past the ends

// A subgroup's ROWS x COLUMNS matrices of the result gain the product of the tiles.
void multiply(uint part)
{
    for (uint k = 0; k < DEEP; k += K) {
        LEFT left[ROWS];
        for (uint x = 0; x < ROWS; x++) {
            uint r = (part * ROWS + x) * M;
            if (A_BY_COLUMNS)
                coopMatLoad(left[x], a_tile, k * A_APART + r, A_APART, gl_CooperativeMatrixLayoutColumnMajor);
            else
                coopMatLoad(left[x], a_tile, r * A_APART + k, A_APART, gl_CooperativeMatrixLayoutRowMajor);
        }
        for (uint y = 0; y < COLUMNS; y++) {
            RIGHT right;
            if (B_BY_COLUMNS)
                coopMatLoad(right, b_tile, y * N * B_APART + k, B_APART, gl_CooperativeMatrixLayoutColumnMajor);
            else
                coopMatLoad(right, b_tile, k * B_APART + y * N, B_APART, gl_CooperativeMatrixLayoutRowMajor);
            for (uint x = 0; x < ROWS; x++)
                sums[x * COLUMNS + y] = coopMatMulAdd(left[x], right, sums[x * COLUMNS + y]);
        }
    }
}

// The tile of the result: sums over the elements from `begin` to `end`.
void make_tile(uint begin, uint end)
{
    // once, but where a driver runs the kernel in fewer and larger subgroups than it says
    for (uint first = 0; first < SUBGROUPS; first += gl_NumSubgroups) {
        uint part = first + gl_SubgroupID;
        for (uint x = 0; x < ROWS * COLUMNS; x++)
            sums[x] = SUM(0);
        for (uint k = begin; k < end; k += DEEP) {
            barrier();
            load(k);
            barrier();
            if (part < SUBGROUPS)
                multiply(part);
        }
        for (uint x = 0; x < ROWS * COLUMNS; x++) {
            barrier();
            if (part < SUBGROUPS)
                coopMatStore(sums[x], c_tile, part * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
            barrier();
            for (uint e = gl_LocalInvocationID.x; e < SUBGROUPS * M * N; e += LOCAL) {
                uint owner = e / (M * N);
                if (owner - first < gl_NumSubgroups)
                    store((owner * ROWS + x / COLUMNS) * M + e / N % M, x % COLUMNS * N + e % N, c_tile[e]);
            }
        }
    }
}
