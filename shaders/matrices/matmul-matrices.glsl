#version 450
// Batched C = op(A) op(B) + bias on matrix units: the factors are rounded to float16, products are summed in float32.
#pragma use_vulkan_memory_model
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "common.glsl"

layout(constant_id = 1) const uint FORM = 0; // 0: A B, 1: A B^T, 2: A^T B
layout(constant_id = 2) const uint BIAS = 0;

READS(0, float, a);
READS(1, float, b);
READS(2, float, bias); // (n), added to every row
WRITES(3, float, c);
#include "matmul-places.glsl"

// As the factors lie in memory, so that neighbours load neighbours.
const bool A_BY_COLUMNS = FORM == 2, B_BY_COLUMNS = FORM == 1;
#include "matrix-tiles.glsl"

uint a0, b0, c0, row, col; // where the batch's matrices and the tile begin

void load(uint k)
{
    for (uint i = gl_LocalInvocationID.x; i < TALL * DEEP; i += LOCAL) {
        uint x = i / A_LONG, y = i % A_LONG;
        uint r = row + (A_BY_COLUMNS ? y : x), q = k + (A_BY_COLUMNS ? x : y);
        float value = 0;
        if (r < p.m && q < p.k)
            value = a[a0 + (FORM == 2 ? q * A_ROW + r : r * A_ROW + q)];
        a_tile[x * A_APART + y] = float16_t(value);
    }
    for (uint i = gl_LocalInvocationID.x; i < DEEP * WIDE; i += LOCAL) {
        uint x = i / B_LONG, y = i % B_LONG;
        uint q = k + (B_BY_COLUMNS ? y : x), s = col + (B_BY_COLUMNS ? x : y);
        float value = 0;
        if (q < p.k && s < p.n)
            value = b[b0 + (FORM == 1 ? s * B_ROW + q : q * B_ROW + s)];
        b_tile[x * B_APART + y] = float16_t(value);
    }
}

void store(uint r, uint q, float value)
{
    r += row;
    q += col;
    if (r < p.m && q < p.n)
        c[c0 + r * C_ROW + q] = value + (BIAS == 1 ? AT(bias, q) : 0.0);
}

void main()
{
    uint tiles_m = (p.m + TALL - 1) / TALL, tiles_n = (p.n + WIDE - 1) / WIDE;
    for (uint i = gl_WorkGroupID.x; i < p.batch * tiles_m * tiles_n; i += groups()) {
        uint batch = i / tiles_n / tiles_m;
        row = i / tiles_n % tiles_m * TALL;
        col = i % tiles_n * WIDE;
        a0 = BEGIN(a) + A_START(batch);
        b0 = BEGIN(b) + B_START(batch);
        c0 = BEGIN(c) + C_START(batch);
        make_tile(0, p.k);
    }
}
