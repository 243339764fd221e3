#version 450
// Events into frames: each event counts at its pixel in every window that its time, or its number in the recording, falls into.
// Counts are whole numbers, so the order in which events arrive changes nothing.
#include "common.glsl"

layout(constant_id = 1) const uint BY_COUNT = 0; // 1: windows of numbers of events
layout(constant_id = 2) const uint BINARY = 0; // 1: 1.0 where there was any event, in place of a count

READS(0, uint, place); // (n)
READS(1, int, time); // (n) after its recording's first event
READS(2, uint, first); // (samples + 1)
READS(3, int, windows); // (samples, 5): begin, stride, width, how many, end of the last
CHANGES(4, uint, frames); // (T, samples, channels, height, width), 0 at first
layout(push_constant) uniform Push {
    OFFSETS(5); uint n; uint samples; uint steps;
    uint channels; uint height; uint width; uint shrink_y; uint shrink_x;
} p;

#include "recordings.glsl"

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at = AT(place, i);
        uint x = column_of(at) / p.shrink_x, y = row_of(at) / p.shrink_y;
        if ((at & DROPPED) != 0 || x >= p.width || y >= p.height)
            continue;
        uint sample_ = recording_of(i);
        uint row = BEGIN(windows) + 5 * sample_;
        int t = (BY_COUNT == 1 ? int(i - AT(first, sample_)) : AT(time, i)) - windows[row];
        if (t < 0)
            continue;
        int step = windows[row + 1], wide = windows[row + 2], last = min(windows[row + 3], int(p.steps)) - 1;
        uint channel = p.channels == 2 ? polarity_of(at) : 0;
        // Later windows end later: the walk back ends at the first one that is over.
        for (int w = min(t / step, last); w >= 0 && (w == last ? t < windows[row + 4] : t - w * step < wide); w--) {
            uint to = BEGIN(frames) + (((uint(w) * p.samples + sample_) * p.channels + channel) * p.height + y) * p.width + x;
            if (BINARY == 1)
                atomicOr(frames[to], 0x3F800000u);
            else
                atomicAdd(frames[to], 1u);
        }
    }
}
