#version 450
// variants: vec4
// Batched C = op(A) op(B), op = identity or transpose.  Each invocation keeps a ROWS x 4 tile of C in registers
// and walks k in order.  vec4: the last axes of A and B are multiples of 4, and every load takes four elements.
#include "common.glsl"
#include "vector.glsl"

layout(constant_id = 1) const uint FORM = 0; // 0: A B, 1: A B^T, 2: A^T B
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint ROWS = 4; // 4 or 8
layout(constant_id = 4) const uint BAND = 1;

layout(std430, binding = 0) readonly buffer A { REAL a[]; };
layout(std430, binding = 1) readonly buffer B { REAL b[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; }; // (n), added to every row
layout(std430, binding = 3) writeonly buffer C { float c[]; };
layout(push_constant) uniform Push {
    uint a_at; uint b_at; uint bias_at; uint c_at;
    uint batch; uint m; uint n; uint k; // sizes in elements
    uint a_batch; uint b_batch; // elements between batches; 0 repeats
} p;

#if VEC == 4
vec4 a4(uint at) { return a[at / 4]; }
vec4 b4(uint at) { return b[at / 4]; }
#endif

void main()
{
    uint tiles_m = (p.m + ROWS - 1) / ROWS, tiles_n = (p.n + 3) / 4;
    uint bands = (tiles_m + BAND - 1) / BAND; // neighbouring invocations share columns of B over BAND tiles of rows
    for (uint i = gl_GlobalInvocationID.x; i < p.batch * bands * BAND * tiles_n; i += stride()) {
        uint row = (i / (BAND * tiles_n) % bands * BAND + i % BAND) * ROWS;
        uint col = i / BAND % tiles_n * 4, batch = i / (BAND * tiles_n) / bands;
        uint a0 = p.a_at * VEC + batch * p.a_batch, b0 = p.b_at * VEC + batch * p.b_batch;
        uvec4 q = min(uvec4(col) + uvec4(0, 1, 2, 3), uvec4(p.n - 1)); // past the edge: the last again
        uint r[ROWS];
        vec4 sum[ROWS];
        for (uint x = 0; x < ROWS; x++) {
            r[x] = min(row + x, p.m - 1);
            sum[x] = vec4(0);
        }
#if VEC == 4
        if (FORM == 2) { // both walk rows of k: outer products
            for (uint k = 0; k < p.k; k++) {
                vec4 v = b4(b0 + k * p.n + col);
                for (uint x = 0; x < ROWS; x += 4) {
                    vec4 u = a4(a0 + k * p.m + min(row + x, p.m - 4));
                    for (uint y = 0; y < 4; y++)
                        sum[x + y] += u[y] * v;
                }
            }
        } else {
            for (uint x = 0; x < ROWS; x++)
                r[x] = a0 + r[x] * p.k;
            uvec4 rb = b0 + q * p.k;
            for (uint k = 0; k < p.k; k += 4) {
                vec4 v0, v1, v2, v3;
                if (FORM == 1) { // columns of B lie along k
                    v0 = b4(rb.x + k), v1 = b4(rb.y + k), v2 = b4(rb.z + k), v3 = b4(rb.w + k);
                } else {
                    uint at = b0 + k * p.n + col;
                    v0 = b4(at), v1 = b4(at + p.n), v2 = b4(at + 2 * p.n), v3 = b4(at + 3 * p.n);
                }
                if (FORM == 1) {
                    mat4 w = transpose(mat4(v0, v1, v2, v3));
                    v0 = w[0], v1 = w[1], v2 = w[2], v3 = w[3];
                }
                for (uint x = 0; x < ROWS; x++) { // one after the other: every variant gives the same bits
                    vec4 u = a4(r[x] + k);
                    sum[x] += u.x * v0;
                    sum[x] += u.y * v1;
                    sum[x] += u.z * v2;
                    sum[x] += u.w * v3;
                }
            }
        }
#else
        for (uint k = 0; k < p.k; k++) {
            vec4 v;
            for (uint y = 0; y < 4; y++)
                v[y] = b[b0 + (FORM == 1 ? q[y] * p.k + k : k * p.n + q[y])];
            for (uint x = 0; x < ROWS; x++)
                sum[x] += a[a0 + (FORM == 2 ? k * p.m + r[x] : r[x] * p.k + k)] * v;
        }
#endif
        for (uint x = 0; x < ROWS && row + x < p.m; x++)
            for (uint y = 0; y < 4 && col + y < p.n; y++)
                c[p.c_at + (batch * p.m + row + x) * p.n + col + y] =
                    sum[x][y] + (BIAS == 1 ? bias[p.bias_at + col + y] : 0.0);
    }
}
