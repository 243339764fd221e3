#version 450
// The products of snn-attention-product.glsl where every lane's load costs the same (lavapipe).
#extension GL_KHR_shader_subgroup_ballot : require
#include "common.glsl"

layout(std430, binding = 0) readonly buffer A { vec4 a[]; };
layout(std430, binding = 1) readonly buffer B { vec4 b[]; };
layout(std430, binding = 2) writeonly buffer C { vec4 c[]; };
#include "attention-places.glsl"
#define MORE(col) vec4(0)
#define WIDE_C
#include "product-lanes.glsl"
