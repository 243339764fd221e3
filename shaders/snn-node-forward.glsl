#version 450
// variants: vec4
// Spiking nodes over T steps, state in registers: charge, fire, reset in each.
#include "common.glsl"
#include "vector.glsl"

layout(std430, binding = 0) readonly buffer X { REAL x[]; }; // (T, n)
layout(std430, binding = 1) readonly buffer V0 { REAL v0[]; }; // (n)
layout(std430, binding = 2) readonly buffer U0 { REAL u0[]; }; // (n)
layout(std430, binding = 3) readonly buffer W { float w[]; }; // (1)
layout(std430, binding = 4) writeonly buffer S { REAL s[]; }; // (T, n) spikes
layout(std430, binding = 5) writeonly buffer H { REAL h[]; }; // (T, n) potentials before the reset
layout(std430, binding = 6) writeonly buffer Z { REAL z[]; }; // (T, n) distances to an adaptive threshold
layout(std430, binding = 7) writeonly buffer Trace { REAL trace[]; }; // (T, n) potentials, see STORE_V
layout(std430, binding = 8) buffer V { REAL v[]; }; // (n) potential after the last step
layout(std430, binding = 9) buffer U { REAL u[]; }; // (n)
layout(std430, binding = 10) readonly buffer Table { vec4 table[]; }; // ([T,] channels) of a norm before the node
layout(std430, binding = 11) readonly buffer Scale { float scale[]; }; // (T) of it
layout(std430, binding = 12) readonly buffer Each { REAL each[]; }; // (6, m) settings of each neuron, see each.glsl
layout(std430, binding = 13) buffer Left { REAL left[]; }; // (n) refractory steps that are left
layout(push_constant) uniform Push {
    uint x_at; uint v0_at; uint u0_at; uint w_at; uint s_at; uint h_at; uint z_at; uint trace_at; uint v_at; uint u_at;
    uint table_at; uint scale_at; uint each_at; uint left_at;
    uint n; uint steps; uint inner; uint channels; uint m;
    uint given; // v0 and u0 hold the first state, else it is v_init and u_init
    float k; float rest; float threshold; float reset; float v_init; float u_init;
    float c0; float c1; float c2; float c3; float c4; float c5;
} p;
layout(constant_id = 14) const uint EACH = 0; // each holds the settings
layout(constant_id = 15) const uint REFRACTORY = 0;
#include "each.glsl"
#include "node.glsl"
#define FIRES(z) (STRICT == 1 ? ABOVE(z, REAL(0)) : AT_LEAST(z, REAL(0)))
layout(constant_id = 5) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 6) const uint BLOCK = 0;
layout(constant_id = 7) const uint STORE_S = 1;
layout(constant_id = 8) const uint STORE_H = 0;
layout(constant_id = 9) const uint STORE_V = 0; // 1: potentials after the reset, 2: before it
layout(constant_id = 10) const uint STRICT = 0; // a spike needs more than the threshold
layout(constant_id = 11) const uint HELD = 0; // x is (n), the same at every step
layout(constant_id = 12) const uint NORM = 0; // see table.glsl
layout(constant_id = 13) const uint SCALE = 0;
#include "table.glsl"

void run(uint i, uint first, uint last)
{
    REAL v_now = REAL(p.v_init), u_now = REAL(p.u_init);
    if (first > 0) {
        v_now = v[p.v_at + i];
        u_now = TWO_STATES ? u[p.u_at + i] : u_now;
    } else if (p.given == 1) {
        v_now = v0[p.v0_at + i];
        u_now = TWO_STATES ? u0[p.u0_at + i] : u_now;
    }
    float w_now = LEARN == 0 ? 0.0 : w[p.w_at];
    REAL k = own_settings(i);
    if (LEARN == 1)
        k = REAL(same_quotient(1.0, 1.0 + exponential(-w_now)));
    REAL waits = REFRACTORY == 1 ? left[p.left_at + i] : REAL(0);
    Lines norm;
    if (NORM == 1)
        norm = lines(0, i);
    for (uint t = first; t < last; t++) {
        uint at = t * p.n + i;
        REAL own = x[p.x_at + (HELD == 1 ? i : at)];
        if (NORM == 2)
            norm = lines(t, i);
        if (NORM != 0)
            own = normalised(own, t, norm);
        precise REAL h_now = charge(own, v_now, u_now, k, w_now);
        TEST deaf = ABOVE(waits, REAL(0));
        if (REFRACTORY == 1)
            h_now = mix(h_now, v_now, deaf);
        REAL threshold = level(u_now);
        precise REAL z_now = h_now - threshold;
        if (REFRACTORY == 1)
            z_now = mix(z_now, REAL(uintBitsToFloat(DEAF)), deaf);
        REAL fired = REAL(FIRES(z_now));
        if (REFRACTORY == 1)
            waits = mix(max(waits - 1.0, REAL(0)), own_period, AT_LEAST(fired, REAL(0.5)));
        v_now = reset(h_now, fired, threshold);
        u_now = adapt(u_now, fired);
        if (STORE_S == 1)
            s[p.s_at + at] = fired;
        if (STORE_H == 1) {
            h[p.h_at + at] = h_now;
            if (MODEL == ADAPTIVE || REFRACTORY == 1)
                z[p.z_at + at] = z_now;
        }
        if (STORE_V != 0)
            trace[p.trace_at + at] = STORE_V == 1 ? v_now : h_now;
    }
    v[p.v_at + i] = v_now;
    if (REFRACTORY == 1)
        left[p.left_at + i] = waits;
    if (TWO_STATES)
        u[p.u_at + i] = u_now;
}
#include "blocks.glsl"
