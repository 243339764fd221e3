#version 450
// Lists where spikes are: for each group of ROWS rows of S and each chunk of steps, the steps at which any row is not 0.
// A row may be a row of memory or a column of it: the strides say.  One invocation a list, in order, so no atomics.
#include "common.glsl"
#include "events.glsl"

READS(0, uint, s); // bits of floats
WRITES(1, uint, list); // (tiles, chunks, CHUNK)
WRITES(2, uint, count); // (tiles, chunks): entries / 4, rounded up
layout(push_constant) uniform Push {
    OFFSETS(3); uint tiles; uint chunks; uint inner;
    uint rows; uint steps;
    uint row_stride; uint step_stride; // in elements of S
} p;

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.tiles * p.chunks; i += stride()) {
        uint g = i % p.tiles, chunk = i / p.tiles; // neighbours read neighbouring memory
        uint to = (g * p.chunks + chunk) * CHUNK, n = 0, other = 0;
        uint from = chunk * CHUNK, count_ = min(CHUNK, p.steps - from);
        for (uint k = 0; k < count_; k++) {
            uint active_ = 0;
            for (uint r = 0; r < ROWS; r++) {
                uint row = member(g, r, p.inner);
                uint bits = AT(s, min(row, p.rows - 1) * p.row_stride + (from + k) * p.step_stride);
                bool on = (bits & 0x7fffffffu) != 0 && row < p.rows; // neither 0 nor -0
                active_ |= on ? 1u << r : 0u;
                other |= on && bits != 0x3f800000u ? OTHER_VALUES : 0u; // anything but 1
            }
            if (active_ != 0)
                AT(list, to + n++) = k << ROWS | active_;
        }
        AT(count, g * p.chunks + chunk) = (n + 3) / 4 | other;
        for (; n % 4 != 0; n++)
            AT(list, to + n) = 0;
    }
}
