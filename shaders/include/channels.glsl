// x is (samples, channels, inner); a row is one channel of one sample.  Statistics are of `members` samples each: of
// each channel, or of each channel in each step, a group.  A step has `step` samples.
layout(constant_id = 1) const uint WALK = 0;
const uint FLAT = 0, ROWS = 1, COLUMNS = 2; // see channels-walk.glsl

uint group_of(uint row) { return row % p.channels + row / (p.members * p.channels) * p.channels; }
uint step_of(uint row) { return row / (p.step * p.channels); }

// A number of a row's group; in COLUMNS with four elements at a time, of four neighbours.
#if VEC == 4
#define NUMBER(a, i) (WALK == COLUMNS ? REAL(AT(a, i), AT(a, (i) + 1), AT(a, (i) + 2), AT(a, (i) + 3)) : REAL(AT(a, i)))
#else
#define NUMBER(a, i) AT(a, i)
#endif
