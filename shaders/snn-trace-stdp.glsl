#version 450
// Learning from traces over T steps: change = plus * post spike * pre trace - minus * pre spike * post trace, to the
// weights, or with ELIGIBLE to an eligibility, e = e * keep + change, which moves them by the reward: w += rate * reward * e.
#include "common.glsl"
#include "tile.glsl"
#define VEC 4 // weights
#include "vector.glsl"
#include "pairs.glsl" // made of equations/updates.py

layout(constant_id = 1) const uint ELIGIBLE = 0;
layout(constant_id = 2) const uint DELAYED = 0; // each synapse sees what its neuron did d steps ago
layout(constant_id = 3) const uint BOUND = 0; // 1: clipped to [low, high] at each step; 2: and scaled by the room left
layout(constant_id = 4) const uint REWARD = 0; // with ELIGIBLE: the rewards are in memory, else they are in the rate
layout(constant_id = 5) const uint ALONE = 0; // with ELIGIBLE: a batch of one, whose eligibility stays in registers
layout(constant_id = 6) const uint TALL = 4; // outputs by four inputs an invocation

CHANGES(0, float, w); // (out, in)
CHANGES(1, float, e); // (batch, out, in)
READS(2, float, pre); // (lag + T, batch, in) spikes
READS(3, float, before); // their traces
READS(4, uint, post); // (T, batch, out) spikes as booleans
READS(5, float, after); // their traces
READS(6, uint, d); // (out, in)
READS(7, float, reward);
layout(push_constant) uniform Push {
    OFFSETS(8); uint ins; uint outs; uint batch; uint steps; uint lag;
    uint reward_step; uint reward_sample; // elements between the rewards of steps, and of samples
    float plus; float minus; float own_pre; float own_post; // own_*: what a spike adds to its trace, if that does not count
    float keep; float rate; float low; float high;
} p;

void main()
{
    uint tall = (p.outs + TALL - 1) / TALL, tiles = tall * ((p.ins + 3) / 4);
    for (uint id = gl_GlobalInvocationID.x; id < tiles; id += stride()) {
        uint o = id % tall * TALL, i = id / tall * 4;
        uvec4 os = four(o, p.outs), is = four(i, p.ins), back[4];
        vec4 v[4], own[4];
        for (uint c = 0; c < TALL; c++) {
            v[c] = LOAD4(w, os[c] * p.ins + is);
            own[c] = ELIGIBLE == 1 && ALONE == 1 ? LOAD4(e, os[c] * p.ins + is) : vec4(0);
            back[c] = DELAYED == 1 ? p.lag - min(ULOAD4(d, os[c] * p.ins + is), p.lag) : uvec4(0);
        }
        for (uint t = 0; t < p.steps; t++) {
            vec4 sum[4] = vec4[4](vec4(0), vec4(0), vec4(0), vec4(0));
            for (uint m = 0; m < p.batch; m++) {
                uint row = t * p.batch + m;
                uvec4 there = row * p.outs + (TALL == 1 ? uvec4(o) : os);
                vec4 z = vec4(TALL == 1 ? uvec4(AT(post, there.x)) : ULOAD4(post, there));
                precise vec4 y = (TALL == 1 ? vec4(AT(after, there.x)) : LOAD4(after, there)) - p.own_post * z;
                vec4 s, x;
                if (DELAYED == 0) {
                    uvec4 at = row * p.ins + is;
                    s = LOAD4(pre, at);
                    if (ELIGIBLE == 0 && z == vec4(0) && s == vec4(0))
                        continue;
                    precise vec4 shared_x = LOAD4(before, at) - p.own_pre * s;
                    x = shared_x;
                }
                for (uint c = 0; c < TALL; c++) {
                    if (DELAYED == 1) {
                        uvec4 at = (row + back[c] * p.batch) * p.ins + is;
                        s = LOAD4(pre, at);
                        precise vec4 seen = LOAD4(before, at) - p.own_pre * s;
                        x = seen;
                    }
                    precise vec4 up = (p.plus * z[c]) * x, down = (p.minus * y[c]) * s;
                    precise vec4 change = pair_change(v[c], up, down, p.low, p.high, BOUND == 2);
                    if (ELIGIBLE == 1) {
                        uint here = m * p.outs * p.ins;
                        precise vec4 kept = (ALONE == 1 ? own[c] : LOAD4(e, here + os[c] * p.ins + is)) * p.keep + change;
                        if (ALONE == 1)
                            own[c] = kept;
                        else
                            STORE4(e, here, kept, o + c, i, p.outs, p.ins);
                        uint paid = BEGIN(reward) + t * p.reward_step + m * p.reward_sample;
                        change = REWARD == 1 ? reward[paid] * kept : kept;
                    }
                    sum[c] += change;
                }
            }
            for (uint c = 0; c < TALL; c++) {
                precise vec4 moved = v[c] + p.rate * sum[c];
                v[c] = BOUND == 0 ? moved : bounded(moved, p.low, p.high);
            }
        }
        for (uint c = 0; c < TALL; c++) {
            STORE4(w, 0, v[c], o + c, i, p.outs, p.ins);
            if (ELIGIBLE == 1 && ALONE == 1)
                STORE4(e, 0, own[c], o + c, i, p.outs, p.ins);
        }
    }
}
