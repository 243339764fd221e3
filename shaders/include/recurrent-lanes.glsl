// The product of ARRAY_A (rows, units) with the recurrent weights ARRAY_B (units, units), and one step behind
// it: the including shader's STEP(i, sum), with the sums of the four units that are element i.
#define FORM 0
#define BATCH 1
#define SIZE_M p.rows
#define SIZE_N (4 * p.units)
#define SIZE_K (4 * p.units)
#define A_ROW SIZE_K
#define B_ROW SIZE_N
#define A_START(batch) 0
#define B_START(batch) 0
#define C_START(batch) 0
#define PUT(row, col, sum) STEP((row) * p.units + (col) / 4, sum)
#include "product-lanes.glsl"
