#version 450
// The products of snn-attention-product.glsl where every lane's load costs the same (lavapipe).
#extension GL_KHR_shader_subgroup_ballot : require
#include "common.glsl"

READS(0, vec4, a);
READS(1, vec4, b);
WRITES(2, vec4, c);
#include "attention-places.glsl"
#define MORE(col) vec4(0)
#define WIDE_C
#include "product-lanes.glsl"
