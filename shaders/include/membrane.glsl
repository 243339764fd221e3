// One step of a leaky integrate-and-fire neuron that is held at p.reset after a spike, for p.hold_steps steps.
#include "membranes.glsl" // made of equations/updates.py

// Whether the neurons fire; drive moves the potential.
TEST fire(inout REAL v, inout COUNT held, REAL drive, bool refractory)
{
    REAL h = leaky(v, drive, REAL(p.rest), p.decay);
    TEST fired = AT_LEAST(h, REAL(p.threshold));
    if (refractory) {
        TEST listening = EQUAL(held, COUNT(0));
        fired = BOTH(fired, listening);
        h = mix(REAL(p.reset), h, listening);
        held = mix(held - COUNT(NONE(listening)), COUNT(p.hold_steps), fired);
    }
    v = mix(h, REAL(p.reset), fired);
    return fired;
}
