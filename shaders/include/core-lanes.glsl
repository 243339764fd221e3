// The product of ARRAY_A (rows, units), from A_AT on, with the recurrent weights, and one step of the core behind it: `run`
// of core-forward.glsl or core-backward.glsl with BACK.
#define FORM 0
#define ARRAY_B w
#define B_AT p.w_at
#define BATCH 1
#define SIZE_M p.rows
#define SIZE_N (4 * p.units)
#define SIZE_K (4 * p.units)
#define A_ROW SIZE_K
#define B_ROW SIZE_N
#define A_START(batch) 0
#define B_START(batch) 0
#define C_START(batch) 0
#define PUT(row, col, sum) { back = sum; run((row) * p.units + (col) / 4, 0, 1); }
#include "product-lanes.glsl"
