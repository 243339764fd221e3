// Settings of spiking nodes that are one number, in the push constants, or (EACH) one a neuron, in rows of each[]:
// 1 / tau, rest, threshold, reset, refractory steps, first potential.  The m neurons repeat along the batch.
REAL own_rest, own_threshold, own_reset, own_period;
#define REST (EACH == 1 ? own_rest : REAL(p.rest))
#define THRESHOLD (EACH == 1 ? own_threshold : REAL(p.threshold))
#define RESET (EACH == 1 ? own_reset : REAL(p.reset))
const uint DEAF = 0xFF7FFFFFu; // the distance to the threshold, -FLT_MAX, that says that a step was a refractory one

// Reads those of element i; 1 / tau.
REAL own_settings(uint i)
{
    if (EACH == 0)
        return REAL(p.k);
    uint at = i % p.m;
    own_rest = AT(each, at + p.m);
    own_threshold = AT(each, at + 2 * p.m);
    own_reset = AT(each, at + 3 * p.m);
    own_period = AT(each, at + 4 * p.m);
    return AT(each, at);
}
