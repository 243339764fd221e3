#version 450
// variants: vec4
// Y = S D + bias for a sparse S: each invocation walks the list of ROWS rows and adds WIDE loads of D's row at each
// active step, in the order of the steps.  Steps at which a row is silent are skipped, so what D holds there is not seen.
#include "common.glsl"
#include "vector.glsl"
#include "events.glsl"

layout(constant_id = 1) const uint WIDE = 1; // REALs of a row of Y
layout(constant_id = 2) const uint BIAS = 0;

READS(0, float, s); // read where it holds values beside 0 and 1
READS(1, uvec4, list);
READS(2, uint, count);
READS(3, REAL, d); // (steps, n)
READS(4, REAL, bias); // (n)
WRITES(5, float, y); // (rows, n) or its transpose, as the strides say
layout(push_constant) uniform Push {
    OFFSETS(6); uint tiles; uint chunks; uint inner;
    uint rows; uint n; // n in REALs
    uint row_stride; uint step_stride; // of S
    uint y_row_stride; uint y_column_stride;
} p;

#if VEC == 4
#define PART(v, c) ((v)[c])
#else
#define PART(v, c) (v)
#endif

REAL sum[ROWS * WIDE];

// `entries` of one list, four a load.
void walk(const bool values, uint entries, uint from, uint g, uint chunk, uint col)
{
    for (uint e = 0; e < entries; e++) {
        uvec4 four = list[from + e];
        for (uint c = 0; c < 4; c++) {
            uint step_ = chunk * CHUNK + (four[c] >> ROWS);
            float value[ROWS];
            for (uint r = 0; values && r < ROWS; r++)
                value[r] = AT(s, min(member(g, r, p.inner), p.rows - 1) * p.row_stride + step_ * p.step_stride);
            for (uint w = 0; w < WIDE; w++) {
                REAL u = AT(d, step_ * p.n + min(col + w, p.n - 1));
                for (uint r = 0; r < ROWS; r++) // a choice, not a product: 0 * NaN is NaN
                    sum[r * WIDE + w] += (four[c] & 1u << r) != 0 ? (values ? value[r] * u : u) : REAL(0);
            }
        }
    }
}

void main()
{
    uint across = (p.n + WIDE - 1) / WIDE;
    for (uint i = gl_GlobalInvocationID.x; i < p.tiles * across; i += stride()) {
        uint g = i / across, col = i % across * WIDE;
        for (uint x = 0; x < ROWS * WIDE; x++)
            sum[x] = REAL(0);
        for (uint chunk = 0; chunk < p.chunks; chunk++) {
            uint at = g * p.chunks + chunk, length_ = AT(count, at);
            bool values = (length_ & OTHER_VALUES) != 0;
            uint entries = length_ & ~OTHER_VALUES, from = BEGIN(list) + at * (CHUNK / 4);
            walk(false, values ? 0 : entries, from, g, chunk, col);
            walk(true, values ? entries : 0, from, g, chunk, col);
        }
        for (uint r = 0; r < ROWS && member(g, r, p.inner) < p.rows; r++)
            for (uint w = 0; w < WIDE && col + w < p.n; w++) {
                REAL total = sum[r * WIDE + w] + (BIAS == 1 ? AT(bias, col + w) : REAL(0));
                for (uint c = 0; c < VEC; c++)
                    AT(y, member(g, r, p.inner) * p.y_row_stride + ((col + w) * VEC + c) * p.y_column_stride) =
                        PART(total, c);
            }
    }
}
