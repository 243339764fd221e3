// Push constants of the products of attention, and where heads lie, for product.glsl and product-lanes.glsl.
layout(push_constant) uniform Push {
    OFFSETS(3); uint a_from; uint b_from; uint c_from; // the first head's first element
    uint batch; uint heads; uint m; uint n; uint k; // batch counts all heads
    uint a_row; uint b_row; uint c_row; // elements from one row to the next
    uint a_batch; uint b_batch; uint c_batch; // and from the heads of one token sequence to those of the next
    uint a_head; uint b_head; uint c_head; // and from one head to the next
    float scale;
} p;

#define A_ROW p.a_row
#define B_ROW p.b_row
#define C_ROW p.c_row
#define A_START(i) (p.a_from + (i) / p.heads * p.a_batch + (i) % p.heads * p.a_head)
#define B_START(i) (p.b_from + (i) / p.heads * p.b_batch + (i) % p.heads * p.b_head)
#define C_START(i) (p.c_from + (i) / p.heads * p.c_batch + (i) % p.heads * p.c_head)
#define DONE(sum, more) ((sum) * p.scale)
