#version 450
// One step back through spiking nodes with recurrent weights, and the product with the weights in the same dispatch,
// where every lane's load costs the same (lavapipe).  Units are a multiple of four.
#extension GL_KHR_shader_subgroup_ballot : require
#ifndef VEC
#define VEC 4
#endif
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"
#include "recurrent-node-backward.glsl"
layout(constant_id = 12) const uint ROWS = 32; // see product-lanes.glsl

#define ARRAY_A later
#define ARRAY_B weight
#define STEP(i, sum) step_back(0, i, sum)
#include "recurrent-lanes.glsl"
