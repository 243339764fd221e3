#version 450
// variants: vec4
// Neurons of grilly_vk.sim, a batch of steps; compiled once for each model.
#include "common.glsl"
#include "vector.glsl"
#include "sim-model.glsl"
#include "sim-frame.glsl"
