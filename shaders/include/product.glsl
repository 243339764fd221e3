// Batched C = op(A) op(B): each invocation keeps a ROWS x 4 tile of C in registers and walks k in order.
// vec4: rows of A and B begin at multiples of four elements, and every load takes four.
// The including shader declares the arrays and sizes, and by macros where the rows (A_ROW ..: elements from one to the
// next) and the matrices of a batch begin (A_START ..), and what is done to a sum before it is stored (DONE).
layout(constant_id = 1) const uint FORM = 0; // 0: A B, 1: A B^T, 2: A^T B
layout(constant_id = 2) const uint ROWS = 4; // 4 or 8
layout(constant_id = 3) const uint BAND = 1;

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
        uint a0 = BEGIN(a) * VEC + A_START(batch), b0 = BEGIN(b) * VEC + B_START(batch), c0 = BEGIN(c) + C_START(batch);
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
                vec4 v = b4(b0 + k * B_ROW + col);
                for (uint x = 0; x < ROWS; x += 4) {
                    vec4 u = a4(a0 + k * A_ROW + min(row + x, p.m - 4));
                    for (uint y = 0; y < 4; y++)
                        sum[x + y] += u[y] * v;
                }
            }
        } else {
            for (uint x = 0; x < ROWS; x++)
                r[x] = a0 + r[x] * A_ROW;
            uvec4 rb = b0 + q * B_ROW;
            for (uint k = 0; k < p.k; k += 4) {
                vec4 v0, v1, v2, v3;
                if (FORM == 1) { // columns of B lie along k
                    v0 = b4(rb.x + k), v1 = b4(rb.y + k), v2 = b4(rb.z + k), v3 = b4(rb.w + k);
                } else {
                    uint at = b0 + k * B_ROW + col;
                    v0 = b4(at), v1 = b4(at + B_ROW), v2 = b4(at + 2 * B_ROW), v3 = b4(at + 3 * B_ROW);
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
                v[y] = b[b0 + (FORM == 1 ? q[y] * B_ROW + k : k * B_ROW + q[y])];
            for (uint x = 0; x < ROWS; x++)
                sum[x] += a[a0 + (FORM == 2 ? k * A_ROW + r[x] : r[x] * A_ROW + k)] * v;
        }
#endif
        for (uint x = 0; x < ROWS && row + x < p.m; x++)
            for (uint y = 0; y < 4 && col + y < p.n; y++)
                c[c0 + (row + x) * C_ROW + col + y] = DONE(sum[x][y], col + y);
    }
}
