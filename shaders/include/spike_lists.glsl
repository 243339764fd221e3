// Spike trains as lists, a BLOCK of steps at a time, made by one workgroup in its part of the buffer `lists`:
// the inputs that can fire, a word of spikes over the block's steps for each, and for each step the inputs that
// fire, in rising order.  The order is fixed, and so is that of every sum over a list.
const uint BLOCK = 32;
shared uint firing[BLOCK]; // inputs that fire at a step
shared uint share[gl_WorkGroupSize.x]; // active inputs in each invocation's stretch

// What every invocation wrote is seen by all.
void meet()
{
    groupMemoryBarrier();
    barrier();
}

// Rates of one image that an input fires in a step, or with GIVEN the spikes (T, ins) themselves.
#define ACTIVE(i) (GIVEN == 1 || x[from + (i)] > 0.0)

// Lists the inputs that can fire and returns their number.
uint list_active(uint from, uint to)
{
    uint lane = gl_LocalInvocationID.x, each = (p.ins + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x, found = 0;
    for (uint i = lane * each; i < min(p.ins, lane * each + each); i++)
        found += ACTIVE(i) ? 1 : 0;
    share[lane] = found;
    meet();
    uint before = 0, all = 0;
    for (uint k = 0; k < gl_WorkGroupSize.x; k++) {
        before += k < lane ? share[k] : 0;
        all += share[k];
    }
    for (uint i = lane * each; i < min(p.ins, lane * each + each); i++)
        if (ACTIVE(i))
            lists[to + before++] = i;
    meet();
    return all;
}

// The spikes of input i at steps first .. first + BLOCK - 1, a bit each.
uint draw_block(uint i, uint first, uint from, float gain, uvec2 number, uvec2 key)
{
    uint bits = 0, steps = min(BLOCK, p.steps - first);
    if (GIVEN == 1) {
        for (uint t = 0; t < steps; t++)
            bits |= x[from + (first + t) * p.ins + i] != 0.0 ? 1u << t : 0u;
        return bits;
    }
    float rate = gain * x[from + i];
    for (uint t = 0; t < steps; t += 4) {
        vec4 u = philox_uniform(uvec4(i, (first + t) / 4, number), key);
        for (uint k = 0; k < 4; k++) // what lies past the last step is not looked at
            bits |= u[k] < rate ? 1u << (t + k) : 0u;
    }
    return bits;
}

// Makes the lists of a block.  Active inputs stand at `at`, words behind them, and step t's list ins * (2 + t) behind.
void list_block(uint active_, uint at, uint first, uint from, float gain, uvec2 number, uvec2 key)
{
    for (uint a = gl_LocalInvocationID.x; a < active_; a += gl_WorkGroupSize.x)
        lists[at + p.ins + a] = draw_block(lists[at + a], first, from, gain, number, key);
    meet();
    for (uint t = gl_LocalInvocationID.x; t < BLOCK; t += gl_WorkGroupSize.x) {
        uint n = 0, to = at + p.ins * (2 + t);
        for (uint a = 0; a < active_; a++)
            if ((lists[at + p.ins + a] >> t & 1u) == 1)
                lists[to + n++] = lists[at + a];
        firing[t] = n;
    }
    meet();
}
