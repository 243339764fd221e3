#version 450
// variants: vec4
// Backpropagation through time of snn-core-forward, from the states that it kept: gradients of the input, of the state
// before the first step, and of beta and gamma or alpha (a sum over time for each element).
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"
#include "core-backward.glsl"
layout(constant_id = 11) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 12) const uint BLOCK = 0;
#include "blocks.glsl"
