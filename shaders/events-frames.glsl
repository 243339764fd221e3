#version 450
// Events into frames: each event counts at its pixel in every window that its time, or its number in the recording, falls into.
// Counts are whole numbers, so the order in which events arrive changes nothing.
#include "common.glsl"

layout(constant_id = 1) const uint BY_COUNT = 0; // 1: windows of numbers of events
layout(constant_id = 2) const uint BINARY = 0; // 1: 1.0 where there was any event, in place of a count

layout(std430, binding = 0) readonly buffer Place { uint place[]; }; // (n)
layout(std430, binding = 1) readonly buffer Time { int time[]; }; // (n) after its recording's first event
layout(std430, binding = 2) readonly buffer First { uint first[]; }; // (samples + 1)
layout(std430, binding = 3) readonly buffer Windows { int windows[]; }; // (samples, 5): begin, stride, width, how many, end of the last
layout(std430, binding = 4) buffer Frames { uint frames[]; }; // (T, samples, channels, height, width), 0 at first
layout(push_constant) uniform Push {
    uint place_at; uint time_at; uint first_at; uint windows_at; uint frames_at;
    uint n; uint samples; uint steps;
    uint channels; uint height; uint width; uint shrink_y; uint shrink_x;
} p;

#include "recordings.glsl"

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
        uint at = place[p.place_at + i];
        uint x = column_of(at) / p.shrink_x, y = row_of(at) / p.shrink_y;
        if ((at & DROPPED) != 0 || x >= p.width || y >= p.height)
            continue;
        uint sample_ = recording_of(i);
        uint row = p.windows_at + 5 * sample_;
        int t = (BY_COUNT == 1 ? int(i - first[p.first_at + sample_]) : time[p.time_at + i]) - windows[row];
        if (t < 0)
            continue;
        int step = windows[row + 1], wide = windows[row + 2], last = min(windows[row + 3], int(p.steps)) - 1;
        uint channel = p.channels == 2 ? polarity_of(at) : 0;
        // Later windows end later: the walk back ends at the first one that is over.
        for (int w = min(t / step, last); w >= 0 && (w == last ? t < windows[row + 4] : t - w * step < wide); w--) {
            uint to = p.frames_at + (((uint(w) * p.samples + sample_) * p.channels + channel) * p.height + y) * p.width + x;
            if (BINARY == 1)
                atomicOr(frames[to], 0x3F800000u);
            else
                atomicAdd(frames[to], 1u);
        }
    }
}
