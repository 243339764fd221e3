// Push constants of matmul and matmul-lanes, and where contiguous matrices lie, for product.glsl and product-lanes.glsl.
layout(push_constant) uniform Push {
    OFFSETS(4); uint batch; uint m; uint n; uint k; // sizes in elements
    uint a_batch; uint b_batch; // elements between batches; 0 repeats
} p;

#define A_ROW (FORM == 2 ? p.m : p.k)
#define B_ROW (FORM == 1 ? p.k : p.n)
#define C_ROW p.n
#define A_START(batch) ((batch) * p.a_batch)
#define B_START(batch) ((batch) * p.b_batch)
#define C_START(batch) ((batch) * p.m * p.n)
