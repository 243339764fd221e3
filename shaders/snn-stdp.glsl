#version 450
// Pair STDP over T steps, weights in registers: only the steps with a spike on either side are visited.
// up = mean over the batch of post * x, down = mean of y * pre, x and y being the traces before the step's spikes;
// w += plus * up - minus * down, clipped; soft bounds scale the two by the room that is left.
#include "common.glsl"
#include "tile.glsl"
#define VEC 4 // weights
#include "vector.glsl"
#include "pairs.glsl" // made of equations/updates.py

layout(constant_id = 1) const uint SOFT = 0;
layout(constant_id = 2) const uint VALUES = 0; // 0: batch of one, spikes are 0 or 1: the event bits are the spikes
layout(constant_id = 3) const uint REWARD = 0; // 1: the change goes to the eligibility, the reward moves the weights

CHANGES(0, float, w); // (out, in)
READS(1, float, pre); // (T, batch, in)
READS(2, float, post); // (T, batch, out)
READS(3, float, trace); // (T, batch, in), (T, batch, out)
READS(4, uint, events); // 32 steps a word: (words, batch, in), out
CHANGES(5, float, eligibility); // (out, in)
READS(6, float, reward); // (T)
layout(push_constant) uniform Push {
    OFFSETS(7); uint ins; uint outs; uint batch; uint steps;
    float plus; float minus; float low; float high; float keep; float rate;
} p;

void main()
{
    uint tall = (p.outs + 3) / 4, tiles = tall * ((p.ins + 3) / 4);
    uint post_trace = p.steps * p.batch * p.ins;
    uint post_events = (p.steps + 31) / 32 * p.batch * p.ins;
    for (uint id = gl_GlobalInvocationID.x; id < tiles; id += stride()) {
        uint o = id % tall * 4, i = id / tall * 4;
        uvec4 os = four(o, p.outs), is = four(i, p.ins);
        vec4 v[4], e[4];
        for (uint c = 0; c < 4; c++) {
            // Weights from outside the bounds are clipped at the first step, be there spikes or not.
            v[c] = LOAD4(w, os[c] * p.ins + is);
            e[c] = REWARD == 1 ? LOAD4(eligibility, os[c] * p.ins + is) : vec4(0);
        }
        for (uint word = 0; word * 32 < p.steps; word++) {
            uvec4 a = uvec4(0), b = uvec4(0);
            for (uint m = 0; m < p.batch; m++) {
                uint row = word * p.batch + m;
                a |= ULOAD4(events, row * p.ins + is);
                b |= ULOAD4(events, post_events + row * p.outs + os);
            }
            uint some = a.x | a.y | a.z | a.w | b.x | b.y | b.z | b.w;
            uint visit = some | uint(word == 0);
            if (REWARD == 1)
                visit = p.steps - word * 32 < 32 ? (1u << (p.steps - word * 32)) - 1 : ~0u;
            while (visit != 0) {
                uint bit = uint(findLSB(visit)), t = word * 32 + bit;
                visit &= visit - 1;
                vec4 up[4] = vec4[4](vec4(0), vec4(0), vec4(0), vec4(0)), down[4] = up;
                for (uint m = 0; m < (VALUES == 1 ? p.batch : 1); m++) {
                    uint row = t * p.batch + m;
                    vec4 x = LOAD4(trace, row * p.ins + is);
                    vec4 y = LOAD4(trace, post_trace + row * p.outs + os);
                    vec4 s = VALUES == 1 ? LOAD4(pre, row * p.ins + is) : vec4((a >> bit) & 1u);
                    vec4 z = VALUES == 1 ? LOAD4(post, row * p.outs + os) : vec4((b >> bit) & 1u);
                    s *= p.minus, z *= p.plus;
                    for (uint c = 0; c < 4; c++) {
                        up[c] += z[c] * x;
                        down[c] += y[c] * s;
                    }
                }
                float gain = REWARD == 1 ? p.rate * AT(reward, t) : 0;
                for (uint c = 0; c < 4; c++) {
                    precise vec4 change = pair_change(v[c], up[c], down[c], p.low, p.high, SOFT == 1);
                    if (REWARD == 1) {
                        e[c] = e[c] * p.keep + change;
                        change = gain * e[c];
                    }
                    precise vec4 moved = v[c] + change;
                    v[c] = bounded(moved, p.low, p.high);
                }
            }
        }
        for (uint c = 0; c < 4; c++) {
            STORE4(w, 0, v[c], o + c, i, p.outs, p.ins);
            if (REWARD == 1)
                STORE4(eligibility, 0, e[c], o + c, i, p.outs, p.ins);
        }
    }
}
