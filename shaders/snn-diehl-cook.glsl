#version 450
// variants: vec4
// The network of Diehl & Cook 2015 over all steps of several images: Poisson spikes, leaky neurons that inhibit each
// other, adaptive thresholds, STDP, normalised weights.  A workgroup is one network; without LEARN each workgroup takes
// images of its own.  Potentials are in mV above rest.
#include "common.glsl"
#include "vector.glsl"
#include "philox.glsl"
#include "rows.glsl"

layout(constant_id = 1) const uint PER = 1; // chunks of neurons an invocation holds
layout(constant_id = 2) const uint LEARN = 0;
layout(constant_id = 3) const uint GIVEN = 0; // 1: x has the spikes, else rates
layout(constant_id = 4) const uint RECORD = 0; // 1: write every spike

coherent CHANGES(0, REAL, w); // (ins, n)
CHANGES(1, REAL, theta); // (n)
READS(2, float, x); // (images, ins), or given (images, T, ins)
WRITES(3, REAL, count); // (images, n)
WRITES(4, REAL, s); // (images, T, n)
coherent CHANGES(5, uint, lists); // (workgroups, BLOCK * ins + 3 * ins + 2 * neurons)
READS(6, float, fade); // (2, T): a trace's value k steps after its spike
CHANGES(7, uint, drawn); // random key, images that were learned from
layout(push_constant) uniform Push {
    OFFSETS(8); uint n; uint ins; uint steps; uint images; uint first; uint tries; uint least; uint deaf;
    float gain; float boost; float keep; float lowest; float reset; float threshold; float inhibition;
    float theta_plus; float theta_keep; float rate_pre; float rate_post; float target; float w_max; float norm;
} p;

const uint NOBODY = 0xffffffffu;
#include "spike_lists.glsl"
#include "membranes.glsl" // made of equations/updates.py
#include "plastic.glsl"
shared float excess[gl_WorkGroupSize.x]; // how far each invocation's best neuron is above its threshold
shared uint best[gl_WorkGroupSize.x];
shared uint crossed[BLOCK]; // whether any neuron is, at a step

// Members of chunk c as numbers of neurons.
COUNT members(uint c)
{
#if VEC == 4
    return 4 * c + uvec4(0, 1, 2, 3);
#else
    return c;
#endif
}

// The neuron furthest above its threshold, the first of equals: the same for every invocation.
uint winner()
{
    uint who = best[0];
    float top = excess[0];
    for (uint k = 1; k < gl_WorkGroupSize.x; k++)
        if (excess[k] > top || (excess[k] == top && best[k] < who)) {
            top = excess[k];
            who = best[k];
        }
    return who;
}

// Shows an image once and returns the number of spikes.
uint present(uint image, uint attempt, uint active_, uint at, uvec2 key, uvec2 number)
{
    uint lane = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x, spikes = 0, last = NOBODY, known = 0;
    uint from = BEGIN(x) + image * p.ins * (GIVEN == 1 ? p.steps : 1);
    float gain = p.gain * (1.0 + p.boost * float(attempt));
    REAL v[PER], wait[PER], level[PER], fires[PER];
    for (uint k = 0; k < PER; k++) {
        uint c = min(lane + k * size, p.n - 1);
        v[k] = wait[k] = fires[k] = REAL(0);
        level[k] = AT(theta, c);
    }
    forget(at);
    for (uint t = 0; t <= p.steps; t++) {
        uint now = t % BLOCK;
        if (now == 0 && t < p.steps) {
            list_block(active_, at, t, from, gain, number, key);
            for (uint k = lane; k < BLOCK; k += size)
                crossed[k] = 0;
            barrier();
        }
        if (last != NOBODY)
            for (uint k = 0; k < PER; k++) { // what the last step's spike does, to its neuron and to the others
                REAL own = REAL(EQUAL(members(lane + k * size), COUNT(last)));
                v[k] = mix(v[k], REAL(p.reset), own);
                wait[k] = mix(wait[k], REAL(p.deaf), own);
                fires[k] += own;
                level[k] += own * (LEARN == 1 ? p.theta_plus : 0.0);
            }
        if (t == p.steps)
            break;
        REAL drive[PER];
        uint list = at + p.ins * (2 + now);
        for (uint k = 0; k < PER; k++) {
            drive[k] = REAL(0);
            uint column = BEGIN(w) + lane + k * size, rows = lane + k * size < p.n ? firing[now] : 0;
            for (uint e = 0; e < rows; e++)
                drive[k] += w[column + lists[list + e] * p.n];
        }
        float over = -1.0;
        uint who = NOBODY;
        for (uint k = 0; k < PER; k++) {
            COUNT member = members(lane + k * size);
            REAL others = last == NOBODY ? REAL(0) : REAL(p.inhibition) * (1.0 - REAL(EQUAL(member, COUNT(last))));
            REAL hears = REAL(ABOVE(REAL(1), wait[k]));
            wait[k] = max(wait[k] - 1.0, REAL(0));
            precise REAL heard = hears * (drive[k] - others);
            v[k] = max(leaky(v[k], heard, REAL(0), p.keep), REAL(p.lowest));
            precise REAL above = mix(REAL(-1), v[k] - (p.threshold + level[k]), hears);
            if (lane + k * size < p.n)
                for (uint m = 0; m < VEC; m++)
                    if (PART(above, m) >= 0.0 && PART(above, m) > over) {
                        over = PART(above, m);
                        who = PART(member, m);
                    }
        }
        excess[lane] = over;
        best[lane] = who;
        if (over >= 0.0)
            crossed[now] = 1;
        meet();
        last = crossed[now] == 1 ? winner() : NOBODY;
        spikes += last == NOBODY ? 0 : 1;
        if (RECORD == 1)
            for (uint k = 0; k < PER; k++)
                if (lane + k * size < p.n)
                    AT(s, (image * p.steps + t) * p.n + lane + k * size) =
                        REAL(EQUAL(members(lane + k * size), COUNT(last)));
        if (LEARN == 1)
            known = learn(at, list, firing[now], t, last, known);
        else if (last != NOBODY)
            barrier();
    }
    for (uint k = 0; k < PER; k++)
        if (lane + k * size < p.n) {
            AT(count, image * p.n + lane + k * size) = fires[k];
            if (LEARN == 1)
                AT(theta, lane + k * size) = level[k] * p.theta_keep;
        }
    if (LEARN == 1 && p.norm > 0.0)
        normalise(at, known);
    return spikes;
}

void main()
{
    uint at = BEGIN(lists) + gl_WorkGroupID.x * ((BLOCK + 3) * p.ins + 2 * VEC * p.n);
    uvec2 key = uvec2(AT(drawn, 0), AT(drawn, 1));
    uint before = LEARN == 1 ? AT(drawn, 2) : p.first;
    for (uint image = gl_WorkGroupID.x; image < p.images; image += groups()) {
        uint active_ = list_active(BEGIN(x) + image * p.ins, at), spikes = 0;
        for (uint attempt = 0; attempt < p.tries && (attempt == 0 || spikes < p.least); attempt++)
            spikes = present(image, attempt, active_, at, key, uvec2(before + image, 2 * attempt + LEARN));
    }
    meet();
    if (LEARN == 1 && GIVEN == 0 && gl_GlobalInvocationID.x == 0)
        AT(drawn, 2) = before + p.images;
}
