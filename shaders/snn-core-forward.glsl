#version 450
// variants: vec4
// Recurrent cores without recurrent weights over T steps, state in registers: fire, reset, take up the input in each.
#include "common.glsl"
#include "vector.glsl"
#include "core-forward.glsl"
layout(constant_id = 6) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 7) const uint BLOCK = 0;
#include "blocks.glsl"
