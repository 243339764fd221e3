#version 450
// Random changes of events: times that shift, events that are dropped, recordings that are mirrored.
// Event i takes its words from Philox at the counter (i, 0, draw), recording b at (b, 1, draw).
#include "common.glsl"
#include "philox.glsl"
#include "control.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint KIND = 0;
const uint JITTER = 0, DROP = 1, FLIP = 2;

READS(0, uint, place); // (n)
READS(1, int, time); // (n), of JITTER
READS(2, uint, first); // (samples + 1), of FLIP
READS(3, uint, control);
WRITES(4, uint, y); // (n): the new times, or the new places
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint samples; uint draw;
    float amount; // deviation of the times, or probability of a drop
    float flip_x; float flip_y; float flip_p; // probabilities for a recording
    uint width; uint height;
} p;

#include "recordings.glsl"

const int FURTHEST = 1 << 30; // of any event from its recording's first one

void main()
{
    uvec2 key = CONTROL_KEY;
    uvec2 base = draw_number(CONTROL_BASE, p.draw);
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at = AT(place, i);
        if (KIND == JITTER) {
            // Box & Muller (1958), as in random.glsl.
            uvec4 words = philox(uvec4(i, 0, base), key);
            float u = (float(words.x) + 0.5) * (1.0 / 4294967296.0);
            float angle = (float(words.z >> 8) * (1.0 / 8388608.0) - 1.0) * 3.14159265;
            float shift = floor(root(max(-2.0 * logarithm(u), 0.0)) * cosine(angle) * p.amount + 0.5);
            int moved = int(clamp(shift, -1073741824.0, 1073741824.0));
            AT(y, i) = uint(clamp(AT(time, i) + moved, -FURTHEST, FURTHEST - 1));
        } else if (KIND == DROP) {
            float u = philox_uniform(uvec4(i, 0, base), key).x;
            AT(y, i) = u < p.amount ? at | DROPPED : at;
        } else {
            vec4 dice = philox_uniform(uvec4(recording_of(i), 1, base), key);
            uint column = column_of(at), row = row_of(at);
            if (dice.x < p.flip_x)
                column = p.width - 1 - column;
            if (dice.y < p.flip_y)
                row = p.height - 1 - row;
            if (dice.z < p.flip_p)
                at ^= 1u << 30;
            AT(y, i) = (at & 0xC0000000u) | row << 15 | column;
        }
    }
}
