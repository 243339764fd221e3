// Shared by every kernel: the local size, chosen when the pipeline is made, and the grid's stride.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64;

// Invocations in the whole dispatch: kernels step by it, so any group count covers any size.
uint stride() { return gl_NumWorkGroups.x * gl_WorkGroupSize.x; }
