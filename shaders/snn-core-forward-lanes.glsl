#version 450
// One step of recurrent cores with recurrent weights, and the product with the recurrent weights in the same
// dispatch, where every lane's load costs the same (lavapipe).  Units are a multiple of four.
#extension GL_KHR_shader_subgroup_ballot : require
#ifndef VEC
#define VEC 4
#endif
#define BACK
#include "common.glsl"
#include "vector.glsl"
#include "core-forward.glsl"
layout(constant_id = 6) const uint ROWS = 32; // see product-lanes.glsl

#define FORM 0
#define ARRAY_A s
#define ARRAY_B w
#define A_AT p.s_at
#define B_AT p.w_at
#define BATCH 1
#define SIZE_M p.rows
#define SIZE_N (4 * p.units)
#define SIZE_K (4 * p.units)
#define A_ROW SIZE_K
#define B_ROW SIZE_N
#define A_START(batch) 0
#define B_START(batch) 0
#define C_START(batch) 0
#define PUT(row, col, sum) { back = sum; run((row) * p.units + (col) / 4, 0, 1); }
#include "product-lanes.glsl"
