#version 450
// variants: vec4
// Backpropagation through time of snn-recurrent-node-forward.  What a spike did through the weights is the product of
// the current's gradient with them, made by a workgroup a sample; the weights' own is a product afterwards.
#define REVERSE
#include "common.glsl"
#include "vector.glsl"
#include "surrogate.glsl"
#include "recurrent-node-backward.glsl"
layout(constant_id = 12) const uint SPACE = 1; // units whose gradients are in shared memory at once, in REALs

#if VEC == 4
#define PART(v, e) ((v)[e])
#else
#define PART(v, e) (v)
#endif

shared REAL of_currents[2 * SPACE];

// Gradient of the current of element i at the step after t.
REAL after(uint t, uint i)
{
    uint at = (t + 1) * p.rows * p.units + i;
    if (t + 1 == p.steps)
        return (p.given & 2) != 0 ? AT(later, i) : REAL(0);
    return FILTER == 1 ? AT(gi, at) : AT(gx, at);
}

void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, chunks = (p.units + SPACE - 1) / SPACE;
    for (uint job = gl_WorkGroupID.x; job < p.rows * p.tiles; job += groups()) {
        uint row = job / p.tiles * p.units, first = p.tiles == 1 ? 0 : job % p.tiles * size;
        uint end = p.tiles == 1 ? p.units : min(p.units, first + size); // several chunks: one unit an invocation
        for (uint t = p.steps; t-- > 0;) {
            uint half_ = t % 2 * SPACE; // the other one may still be read
            REAL back = REAL(0);
            for (uint chunk = 0; chunk < chunks; chunk++) {
                uint from = chunk * SPACE, to = min(p.units, from + SPACE);
                for (uint k = from + own; k < to; k += size)
                    of_currents[half_ + k - from] = after(t, row + k);
                barrier();
                for (uint k = first + own; k < end; k += size) {
                    back = chunk == 0 ? REAL(0) : back;
                    for (uint j = from; j < to; j++) {
                        REAL came = of_currents[half_ + j - from];
                        for (uint e = 0; e < VEC; e++)
                            back += PART(came, e) * AT(weight, (j * VEC + e) * p.units + k);
                    }
                    if (chunk + 1 == chunks)
                        step_back(t, row + k, back);
                }
                if (chunks > 1)
                    barrier();
            }
        }
        barrier(); // the next sample takes the same memory
    }
}
