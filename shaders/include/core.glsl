// Recurrent cores with functional state: one step of the potential v and the second state u, and its derivatives.
// The spike comes from the potential before the step.  The including shader declares p.threshold, the arrays b (beta)
// and c (gamma or alpha) and p.n, p.units, p.last, in REALs.
#include "nan.glsl"
layout(constant_id = 1) const uint MODEL = 0;
layout(constant_id = 2) const uint EACH_B = 0; // one beta a unit; 0: one for all
layout(constant_id = 3) const uint EACH_C = 0;

// What each model says, made of grilly_vk/equations/cores.py:
//   above: how far the potential is above the threshold in force
//   advance: one step; `s` is what fired (0 or 1), x the input.  The output is returned.
// and with REVERSE, from the gradients g of v and a of u after a step, and gy of the output, to those before it
//   of_input: the input's gradient; then, when it is known what else the spike did (`spike`),
//   retreat: the rest
#include "core-models.glsl"

// A constant in [0, 1]; NaN stays.
float unit(float value) { return is_nan(value) ? value : clamp(value, 0.0, 1.0); }
// 1 where a gradient passes: inside [0, 1] or at its ends.
float inside(float value) { return value >= 0.0 && value <= 1.0 ? 1.0 : 0.0; }

#if VEC == 4
#define CONSTANTS(f, array, each, i) (each == 0 ? REAL(f(AT(array, 0))) : vec4( \
    f(AT(array, 4 * (i))), f(AT(array, 4 * (i) + 1)), f(AT(array, 4 * (i) + 2)), f(AT(array, 4 * (i) + 3))))
#else
#define CONSTANTS(f, array, each, i) f(AT(array, each == 0 ? 0 : (i)))
#endif
#define BETA(f, i) (!LEAKS ? REAL(1) : CONSTANTS(f, b, EACH_B, (i) % p.units))
#define SECOND(f, i) (TWO_STATES ? CONSTANTS(f, c, EACH_C, (i) % p.units) : REAL(0))

// Where element i's first state lies: rows of p.last values of v, each followed by as many of u if there are two.
uint place(uint i) { return TWO_STATES ? i + i / p.last * p.last : i; }
