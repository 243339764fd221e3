// The model that sim-advance is compiled with unless another text is put in its place: leaky neurons, whose potential
// jumps by what arrives.
const uint STATES = 1, NUMBERS = 4, RECEPTORS = 1, REFRACTORY = 3;

void model_step(inout REAL s[STATES], REAL c[NUMBERS], REAL arrived[RECEPTORS], REAL current, TEST hears)
{
    precise REAL v = s[0] * c[0] + (arrived[0] + current);
    s[0] = mix(s[0], v, hears);
}

TEST model_fires(REAL s[STATES], REAL c[NUMBERS]) { return ABOVE(s[0], c[1]); }

void model_reset(inout REAL s[STATES], REAL c[NUMBERS], TEST fired) { s[0] = mix(s[0], c[2], fired); }
