#version 450
// Batched C = op(A) op(B) + bias on matrix units: the factors are rounded to float16, products are summed in float32.
// A workgroup's subgroups share a tile of C of SUBGROUPS * ROWS * M rows and COLUMNS * N columns.
#pragma use_vulkan_memory_model
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "common.glsl"

layout(constant_id = 1) const uint FORM = 0; // 0: A B, 1: A B^T, 2: A^T B
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint M = 16; // M x K times K x N, as the device multiplies them
layout(constant_id = 4) const uint N = 16;
layout(constant_id = 5) const uint K = 16;
layout(constant_id = 6) const uint SUBGROUPS = 2; // in a workgroup
layout(constant_id = 7) const uint ROWS = 2;      // matrices of C that a subgroup keeps
layout(constant_id = 8) const uint COLUMNS = 4;

READS(0, float, a);
READS(1, float, b);
READS(2, float, bias); // (n), added to every row
WRITES(3, float, c);
#include "matmul-places.glsl"

const uint TALL = SUBGROUPS * ROWS * M, WIDE = COLUMNS * N, DEEP = 2 * K;
// Rows of both tiles lie 8 more elements apart than they are long: 16 bytes, to which loads of matrices are aligned.
const uint A_APART = (FORM == 2 ? TALL : DEEP) + 8, B_APART = (FORM == 1 ? DEEP : WIDE) + 8;
shared float16_t a_tile[(FORM == 2 ? DEEP : TALL) * A_APART];
shared float16_t b_tile[(FORM == 1 ? WIDE : DEEP) * B_APART];
shared float c_tile[SUBGROUPS * M * N];

#define LEFT coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define SUM coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
SUM sums[ROWS * COLUMNS]; // no argument of `multiply`: Mesa 26.1 does not give an inout array of matrices back

// The tiles of A and B from element k on as they lie in memory, so that neighbours load neighbours; zeros past the ends.
void load(uint a0, uint b0, uint row, uint col, uint k)
{
    const uint a_long = FORM == 2 ? TALL : DEEP, b_long = FORM == 1 ? DEEP : WIDE;
    for (uint i = gl_LocalInvocationID.x; i < TALL * DEEP; i += LOCAL) {
        uint x = i / a_long, y = i % a_long;
        uint r = row + (FORM == 2 ? y : x), q = k + (FORM == 2 ? x : y);
        float value = 0;
        if (r < p.m && q < p.k)
            value = a[a0 + (FORM == 2 ? q * A_ROW + r : r * A_ROW + q)];
        a_tile[x * A_APART + y] = float16_t(value);
    }
    for (uint i = gl_LocalInvocationID.x; i < DEEP * WIDE; i += LOCAL) {
        uint x = i / b_long, y = i % b_long;
        uint q = k + (FORM == 1 ? y : x), s = col + (FORM == 1 ? x : y);
        float value = 0;
        if (q < p.k && s < p.n)
            value = b[b0 + (FORM == 1 ? s * B_ROW + q : q * B_ROW + s)];
        b_tile[x * B_APART + y] = float16_t(value);
    }
}

// A subgroup's ROWS x COLUMNS matrices of C gain the product of the tiles.
void multiply(uint part)
{
    for (uint k = 0; k < DEEP; k += K) {
        LEFT left[ROWS];
        for (uint x = 0; x < ROWS; x++) {
            uint r = (part * ROWS + x) * M;
            if (FORM == 2)
                coopMatLoad(left[x], a_tile, k * A_APART + r, A_APART, gl_CooperativeMatrixLayoutColumnMajor);
            else
                coopMatLoad(left[x], a_tile, r * A_APART + k, A_APART, gl_CooperativeMatrixLayoutRowMajor);
        }
        for (uint y = 0; y < COLUMNS; y++) {
            RIGHT right;
            if (FORM == 1)
                coopMatLoad(right, b_tile, y * N * B_APART + k, B_APART, gl_CooperativeMatrixLayoutColumnMajor);
            else
                coopMatLoad(right, b_tile, k * B_APART + y * N, B_APART, gl_CooperativeMatrixLayoutRowMajor);
            for (uint x = 0; x < ROWS; x++)
                sums[x * COLUMNS + y] = coopMatMulAdd(left[x], right, sums[x * COLUMNS + y]);
        }
    }
}

void main()
{
    uint tiles_m = (p.m + TALL - 1) / TALL, tiles_n = (p.n + WIDE - 1) / WIDE;
    for (uint i = gl_WorkGroupID.x; i < p.batch * tiles_m * tiles_n; i += groups()) {
        uint row = i / tiles_n % tiles_m * TALL, col = i % tiles_n * WIDE, batch = i / tiles_n / tiles_m;
        uint a0 = BEGIN(a) + A_START(batch), b0 = BEGIN(b) + B_START(batch), c0 = BEGIN(c) + C_START(batch);
        // once, but where a driver runs the kernel in fewer and larger subgroups than it says
        for (uint first = 0; first < SUBGROUPS; first += gl_NumSubgroups) {
            uint part = first + gl_SubgroupID;
            for (uint x = 0; x < ROWS * COLUMNS; x++)
                sums[x] = SUM(0);
            for (uint k = 0; k < p.k; k += DEEP) {
                barrier();
                load(a0, b0, row, col, k);
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
                    uint r = row + (owner * ROWS + x / COLUMNS) * M + e / N % M, q = col + x % COLUMNS * N + e % N;
                    if (owner - first < gl_NumSubgroups && r < p.m && q < p.n)
                        c[c0 + r * C_ROW + q] = c_tile[e] + (BIAS == 1 ? AT(bias, q) : 0.0);
                }
            }
        }
    }
}
