// Neuron models of the spiking nodes: how the potential v takes up the input, when it fires, and the way back.
// The including shader declares p.rest, p.threshold, p.reset and the model's numbers p.c0 .. p.c5.
#include "math.glsl"

layout(constant_id = 1) const uint MODEL = 0;
layout(constant_id = 2) const uint DECAY_INPUT = 1; // the leak divides the input too
layout(constant_id = 3) const uint HARD = 1; // reset to p.reset; 0: subtract the threshold; else see LATE
layout(constant_id = 4) const uint LEARN = 0; // one of the model's numbers follows from w
const bool LATE = HARD > 1; // the reset comes with the next step: 2: subtract, 3: to 0, 4: that step ends at 0, 5: never

// Settings that may differ from neuron to neuron; the including shader may define them before.
#ifndef REST
#define REST REAL(p.rest)
#define THRESHOLD REAL(p.threshold)
#define RESET REAL(p.reset)
#endif

// What each model says, made of grilly_vk/equations/neurons.py, or of a user's text while the program runs:
//   learned: k, or what is learned in its place
//   charge: the potential before the spike; u, the second state, moves on to where the spike finds it
//   level: the threshold in force
//   reset_of, adapt: the potential and the second state after a spike s
// and with REVERSE
//   rise: how far a spike moves the potential; passed: the gradient that goes through the reset
//   of_level: the gradient of the level that comes by the reset; level_slope: the level's by the second state
//   spike_slope, adapt_slope: those of adapt by the spike and by the second state
//   discharge: from g of the potential after the charge and a of the second state to those before it; the gradient of the
//     input is returned, that of w added to sum
#ifdef OWN_MODEL
#include "own-model.glsl"
#else
#include "node-models.glsl"
#endif

// The potential after the spike s.
REAL reset(REAL h, REAL s, REAL threshold)
{
    if (LATE)
        return h;
    return mix(h, reset_of(h, threshold), AT_LEAST(s, REAL(0.5))); // the threshold may be infinite
}
