// Real delays: the whole steps before the mixed two, and the share of the earlier step.  At max_delay the share is 1,
// so that no step before those kept is asked for.
uint whole(float delay, uint max_delay, out float share)
{
    float inside = clamp(delay, 0.0, float(max_delay));
    uint steps = min(uint(inside), max_delay - 1); // after the conversion, so that no NaN leads outside
    share = inside - float(steps);
    return steps;
}

#if VEC == 4
#define LANE(value, v) ((value)[v])
#define ALL(value) (((value).x + (value).y) + ((value).z + (value).w))
#else
#define LANE(value, v) (value)
#define ALL(value) (value)
#endif
