// Nodes whose reset comes with the step after the spike, and never has a gradient: what both kernels say of them.
// The including shader declares the array consts (4, m) and in p the number m of neurons, and the same four
// numbers: what is left of the potential and of the current after a step, the threshold, and the scale of STATES 3.
#include "math.glsl"

layout(constant_id = 1) const uint STATES = 1; // 1: the potential; 2: a current, too; 3: two currents
layout(constant_id = 2) const uint RESET = 1; // what a spike does to the next step, see below
layout(constant_id = 3) const uint LATE = 1; // 0: the reset comes at once; what is still above is reset once more
layout(constant_id = 4) const uint CONSTS = 0; // 0: the numbers of p, 1: one of each in consts, 2: one a neuron
const uint NEVER = 0, SUBTRACT = 1, ZERO = 2, BLANK = 3; // ZERO: it begins at 0. BLANK: it ends there

#if VEC == 4
#define PLANE(k, i) vec4(AT(consts, (k) + (i)), AT(consts, (k) + (i) + 1), AT(consts, (k) + (i) + 2), AT(consts, (k) + (i) + 3))
#else
#define PLANE(k, i) AT(consts, (k) + (i))
#endif
// Constant k of element i.
#define CONSTANT(k, number, i) \
    (CONSTS == 0   ? REAL(number) : \
     CONSTS == 1 ? REAL(AT(consts, k)) : PLANE(k * p.m * VEC, (i) % p.m * VEC))

// A share in [0, 1]; NaN stays.
REAL unit(REAL value) { return at_most(at_least(value, REAL(0)), REAL(1)); }
#define FIRES(v, threshold) ABOVE((v) - (threshold), REAL(0))
