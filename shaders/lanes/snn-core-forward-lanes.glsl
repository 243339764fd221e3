#version 450
// One step of recurrent cores with recurrent weights, and the product with the recurrent weights in the same
// dispatch, where every lane's load costs the same (lavapipe).  Units are a multiple of four.
#extension GL_KHR_shader_subgroup_ballot : require
#ifndef VEC
#define VEC 4
#endif
#define BACK
#define AHEAD
#include "common.glsl"
#include "vector.glsl"
#include "core-forward.glsl"
layout(constant_id = 6) const uint ROWS = 32; // see product-lanes.glsl

#define ARRAY_A s
#define ARRAY_B w
#define STEP(i, sum) { back = sum; run(i, 0, 1); }
#include "recurrent-lanes.glsl"
