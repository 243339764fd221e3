#version 450
// Stable STDP of Paredes-Valles et al. over T steps, with X the presynaptic trace as a share of the step's largest:
// w += rate * sum over the batch of exp(-(w - w0)) (exp(X) - a) - exp(w - w0) (exp(1 - X) - a).
#include "common.glsl"
#include "math.glsl"

layout(constant_id = 1) const uint DELAYED = 0; // each synapse sees the trace of d steps ago
layout(constant_id = 2) const uint ON_SPIKE = 0; // only for neurons that spike at the step

CHANGES(0, float, w); // (out, in)
READS(1, float, before); // (lag + T, batch, in) traces
READS(2, uint, post); // (T, batch, out) spikes as booleans
READS(3, uint, d); // (out, in)
READS(4, float, peak); // (T)
layout(push_constant) uniform Push {
    OFFSETS(5); uint ins; uint outs; uint batch; uint steps; uint lag; uint n;
    float middle; float a; float rate;
} p;

void main()
{
    for (uint id = gl_GlobalInvocationID.x; id < p.n; id += stride()) {
        uint o = id / p.ins, i = id % p.ins;
        uint back = DELAYED == 1 ? p.lag - min(AT(d, id), p.lag) : 0;
        float now = AT(w, id);
        for (uint t = 0; t < p.steps; t++) {
            float top = AT(peak, t);
            precise float up = 0.0, down = 0.0;
            for (uint m = 0; m < p.batch; m++) {
                uint row = t * p.batch + m;
                if (ON_SPIKE == 1 && AT(post, row * p.outs + o) == 0)
                    continue;
                float x = AT(before, (row + back * p.batch) * p.ins + i);
                x = top > 0.0 ? x / top : 0.0;
                up += exponential(x) - p.a;
                down += exponential(1.0 - x) - p.a;
            }
            precise float away = now - p.middle;
            precise float moved = now + p.rate * (exponential(-away) * up - exponential(away) * down);
            now = moved;
        }
        AT(w, id) = now;
    }
}
