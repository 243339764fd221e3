#version 450
// variants: vec4
// Backpropagation through time of snn-recurrent-forward.  What a spike did through the weights is the product of the
// input's gradient with their transpose, made by a workgroup a sample; dW is a product afterwards.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"

layout(std430, binding = 0) readonly buffer H { REAL h[]; }; // (T, rows, units) potentials before each step
layout(std430, binding = 1) readonly buffer U { REAL u[]; }; // (T, rows, units) second state before each step
layout(std430, binding = 2) readonly buffer D { REAL d[]; }; // (T, rows, units) the surrogate's derivative, if given
layout(std430, binding = 3) readonly buffer B { float b[]; }; // (units) or (1)
layout(std430, binding = 4) readonly buffer C { float c[]; }; // (units) or (1)
layout(std430, binding = 5) readonly buffer W { REAL w[]; }; // (units, units) to, from
layout(std430, binding = 6) readonly buffer Gy { REAL gy[]; }; // (T, rows, units) gradient of the output
layout(std430, binding = 7) readonly buffer Gafter { REAL gafter[]; }; // of the state after the last step
layout(std430, binding = 8) writeonly buffer Gx { REAL gx[]; }; // (T, rows, units)
layout(std430, binding = 9) buffer Gbefore { REAL gbefore[]; }; // of the state before the first step
layout(std430, binding = 10) buffer Gb { REAL gb[]; }; // (rows, units)
layout(std430, binding = 11) buffer Gc { REAL gc[]; }; // (rows, units)
layout(push_constant) uniform Push {
    uint h_at; uint u_at; uint d_at; uint b_at; uint c_at; uint w_at; uint gy_at; uint gafter_at; uint gx_at;
    uint gbefore_at; uint gb_at; uint gc_at;
    uint rows; uint steps; uint units; uint last;
    uint tiles; // workgroups a sample; more than one for a single step only
    float threshold; float alpha; float beta;
} p;
#include "core.glsl"
layout(constant_id = 4) const uint SPACE = 1; // units whose gradients are in shared memory at once, in REALs
layout(constant_id = 5) const uint SURROGATE = 1; // 0: d holds its values
layout(constant_id = 6) const uint HAS_GY = 1;
layout(constant_id = 7) const uint HAS_GAFTER = 1;
layout(constant_id = 8) const uint STORE_B = 0; // sums for beta
layout(constant_id = 9) const uint STORE_C = 0;
layout(constant_id = 10) const uint HAS_U = 1;

#if VEC == 4
#define PART(v, e) ((v)[e])
#else
#define PART(v, e) (v)
#endif

shared REAL of_inputs[2 * SPACE];

// Gradients of the state of element i after step t.
void carried(uint t, uint i, out REAL g, out REAL a)
{
    uint at = place(i);
    g = a = REAL(0);
    if (t + 1 < p.steps) {
        g = gbefore[p.gbefore_at + at];
        a = TWO_STATES ? gbefore[p.gbefore_at + at + p.last] : a;
    } else if (HAS_GAFTER == 1) {
        g = gafter[p.gafter_at + at];
        a = TWO_STATES ? gafter[p.gafter_at + at + p.last] : a;
    }
}

void finish(uint t, uint i, REAL spike)
{
    uint at = t * p.rows * p.units + i;
    REAL g, a, sum_b = REAL(0), sum_c = REAL(0);
    carried(t, i, g, a);
    if (t + 1 < p.steps) {
        sum_b = STORE_B == 1 ? gb[p.gb_at + i] : sum_b;
        sum_c = STORE_C == 1 ? gc[p.gc_at + i] : sum_c;
    }
    REAL v = h[p.h_at + at], other = HAS_U == 1 ? u[p.u_at + at] : REAL(0);
    REAL out_ = HAS_GY == 1 ? gy[p.gy_at + at] : REAL(0);
    REAL slope = SURROGATE == 0 ? d[p.d_at + at] : surrogate(SURROGATE, above(v, other), p.alpha, p.beta);
    gx[p.gx_at + at] = of_input(g, a, out_);
    retreat(v, other, slope, out_, spike, g, a, sum_b, sum_c, BETA(unit, i), SECOND(unit, i));
    gbefore[p.gbefore_at + place(i)] = g;
    if (TWO_STATES)
        gbefore[p.gbefore_at + place(i) + p.last] = a;
    if (STORE_B == 1)
        gb[p.gb_at + i] = sum_b * (t > 0 ? REAL(1) : BETA(inside, i)); // beyond [0, 1] beta does nothing
    if (STORE_C == 1)
        gc[p.gc_at + i] = sum_c * (t > 0 ? REAL(1) : SECOND(inside, i));
}

void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, chunks = (p.units + SPACE - 1) / SPACE;
    for (uint job = gl_WorkGroupID.x; job < p.rows * p.tiles; job += gl_NumWorkGroups.x) {
        uint row = job / p.tiles * p.units, first = p.tiles == 1 ? 0 : job % p.tiles * size;
        uint end = p.tiles == 1 ? p.units : min(p.units, first + size); // several chunks: one unit an invocation
        for (uint t = p.steps; t-- > 0;) {
            uint half_ = t % 2 * SPACE; // the other one may still be read
            REAL back = REAL(0);
            for (uint chunk = 0; chunk < chunks; chunk++) {
                uint from = chunk * SPACE, to = min(p.units, from + SPACE);
                for (uint k = from + own; k < to; k += size) {
                    REAL g, a;
                    carried(t, row + k, g, a);
                    of_inputs[half_ + k - from] = of_input(g, a, REAL(0));
                }
                barrier();
                for (uint k = first + own; k < end; k += size) {
                    back = chunk == 0 ? REAL(0) : back;
                    for (uint j = from; j < to; j++) {
                        REAL came = of_inputs[half_ + j - from];
                        for (uint e = 0; e < VEC; e++)
                            back += PART(came, e) * w[p.w_at + (j * VEC + e) * p.units + k];
                    }
                    if (chunk + 1 == chunks)
                        finish(t, row + k, back);
                }
                if (chunks > 1)
                    barrier();
            }
        }
        barrier(); // the next sample takes the same memory
    }
}
