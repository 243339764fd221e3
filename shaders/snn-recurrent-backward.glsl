#version 450
// variants: vec4
// Backpropagation through time of snn-recurrent-forward.  What a spike did through the weights is the product of the
// input's gradient with their transpose, made by a workgroup a sample; dW is a product afterwards.
#define BACK
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"
#include "core-backward.glsl"
layout(constant_id = 11) const uint SPACE = 1; // units whose gradients are in shared memory at once, in REALs

#if VEC == 4
#define PART(v, e) ((v)[e])
#else
#define PART(v, e) (v)
#endif

shared REAL of_inputs[2 * SPACE];

void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, chunks = (p.units + SPACE - 1) / SPACE;
    for (uint job = gl_WorkGroupID.x; job < p.rows * p.tiles; job += groups()) {
        uint row = job / p.tiles * p.units, first = p.tiles == 1 ? 0 : job % p.tiles * size;
        uint end = p.tiles == 1 ? p.units : min(p.units, first + size); // several chunks: one unit an invocation
        for (uint t = p.steps; t-- > 0;) {
            uint half_ = t % 2 * SPACE; // the other one may still be read
            back = REAL(0);
            for (uint chunk = 0; chunk < chunks; chunk++) {
                uint from = chunk * SPACE, to = min(p.units, from + SPACE);
                for (uint k = from + own; k < to; k += size) {
                    REAL g, a;
                    carried(t + 1, place(row + k), g, a);
                    of_inputs[half_ + k - from] = of_input(g, a, REAL(0));
                }
                barrier();
                for (uint k = first + own; k < end; k += size) {
                    back = chunk == 0 ? REAL(0) : back;
                    for (uint j = from; j < to; j++) {
                        REAL came = of_inputs[half_ + j - from];
                        for (uint e = 0; e < VEC; e++)
                            back += PART(came, e) * AT(w, (j * VEC + e) * p.units + k);
                    }
                    if (chunk + 1 == chunks)
                        run(row + k, t, t + 1);
                }
                if (chunks > 1)
                    barrier();
            }
        }
        barrier(); // the next sample takes the same memory
    }
}
