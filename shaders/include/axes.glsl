// Positions in arrays of up to six axes, of which the last `used` count; sizes are those of axes 1..5.  A division is a
// product: ops/layout.py gives for each size what makes (2 i * factor) >> (32 + shift) the quotient of any i < 2^31.
// Written out: compilers leave a loop over such arrays one over memory.
#define CUT(d) \
    if (used > 6 - d) { \
        uint high, low; \
        umulExtended(i << 1, factor[d - 1], high, low); \
        uint next = high >> ((shifts >> (5 * (d - 1))) & 31u); \
        at[d] = i - next * size[d - 1]; \
        i = next; \
    } else if (used == 6 - d) \
        at[d] = i;
uint[6] axes(uint i, uint size[5], uint factor[5], uint shifts, uint used)
{
    uint at[6] = uint[6](0, 0, 0, 0, 0, 0);
    CUT(5) CUT(4) CUT(3) CUT(2) CUT(1)
    if (used == 6)
        at[0] = i;
    return at;
}
#undef CUT
#define SIZES uint d1; uint d2; uint d3; uint d4; uint d5; uint f1; uint f2; uint f3; uint f4; uint f5; uint shifts
#define AXES_OF(i) axes(i, uint[5](p.d1, p.d2, p.d3, p.d4, p.d5), uint[5](p.f1, p.f2, p.f3, p.f4, p.f5), p.shifts, AXES)

uint place(uint at[6], uint strides[6])
{
    return at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2] + at[3] * strides[3] + at[4] * strides[4] +
           at[5] * strides[5];
}

// How four neighbours along the last axis lie in an operand that is loaded by fours: side by side, in units of four; all
// the same; or each a step after the one before.  The last two count in elements.
const uint BESIDE = 0, SAME = 1, APART = 2;
