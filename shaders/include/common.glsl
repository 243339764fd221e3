// Shared by every kernel: its buffers, the local size, chosen when the pipeline is made, and the grid's stride.
#include "buffers.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64;

// Workgroups in the whole dispatch.  A part of one, for a device that must not run for long, has its number in y.
uint groups() { return gl_WorkGroupID.y == 0 ? gl_NumWorkGroups.x : gl_WorkGroupID.y + 1; }

// Invocations in the whole dispatch: kernels step by it, so any group count covers any size.
uint stride() { return groups() * gl_WorkGroupSize.x; }
