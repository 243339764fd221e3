// Elementary functions of our own.  Vulkan leaves those of GLSL much freedom (log of negative numbers, exp of NaN,
// sines to 2^-11, ranges without any bound); these are made of what it fixes: sums, products and bits.
#ifndef MATH_GLSL
#define MATH_GLSL
#include "nan.glsl"

float infinity() { return uintBitsToFloat(0x7F800000u); }
float nan() { return uintBitsToFloat(0x7FC00000u); }

// a > b, a >= b and a == b of each element, for one element and for four.
bool more(float a, float b) { return a > b; }
bool more(int a, int b) { return a > b; }
bool more(uint a, uint b) { return a > b; }
bool same(float a, float b) { return a == b; }
bool same(uint a, uint b) { return a == b; }
bvec4 more(vec4 a, vec4 b) { return greaterThan(a, b); }
bvec4 more(ivec4 a, ivec4 b) { return greaterThan(a, b); }
bvec4 more(uvec4 a, uvec4 b) { return greaterThan(a, b); }
bvec4 same(vec4 a, vec4 b) { return equal(a, b); }
bvec4 same(uvec4 a, uvec4 b) { return equal(a, b); }

// x * 2/pi in fixed point, by the bits of 2/pi that matter (Payne & Hanek, "Radian reduction for trigonometric
// functions", 1983): the remainder in [-pi/4, pi/4] of a finite x with |x| >= 1, and the quadrant.
float far_remainder(float x, out int quadrant)
{
    const uint digits[7] =
        uint[7](0x28BE60DBu, 0x9391054Au, 0x7F09D5F4u, 0x7D4D3770u, 0x36D8A566u, 0x4F10E410u, 0x7F9458EAu);
    uint bits = floatBitsToUint(x) & 0x7FFFFFFFu, m = bits << 8 | 0x80000000u, e = (bits >> 23) - 126u;
    uint i = min(e >> 5, 4u), up = e & 31u;
    uint a = i > 0u ? digits[i - 1u] : 0u, b = digits[i], c = digits[i + 1u], d = digits[i + 2u];
    if (up != 0u) {
        a = a << up | b >> (32u - up);
        b = b << up | c >> (32u - up);
        c = c << up | d >> (32u - up);
    }
    uint high, low, last, rest, carry;
    umulExtended(m, c, last, rest);
    umulExtended(m, b, high, low);
    low = uaddCarry(low, last, carry);
    high += carry + m * a;
    quadrant = int(high >> 30);
    high &= 0x3FFFFFFFu; // the fraction of a quarter turn, in units of 2^-62
    bool over = (high & 0x20000000u) != 0u;
    if (over) { // to the nearest
        quadrant++;
        high = 0x3FFFFFFFu - high + uint(low == 0u);
        low = 0u - low;
    }
    uint at = high != 0u ? 31u - uint(findMSB(high)) : low != 0u ? 63u - uint(findMSB(low)) : 0u;
    uint top = at >= 32u ? low << (at - 32u) : at == 0u ? high : high << at | low >> (32u - at);
    float r = float(top) * uintBitsToFloat(97u - at << 23) * 1.5707964; // top is times 2^(-30 - at)
    if (x < 0.0)
        quadrant = -quadrant;
    return over != (x < 0.0) ? -r : r;
}

// The number without its fraction, the nearest that there is, or 0 of NaN: GLSL leaves what does not fit undefined.
int integer(float x)
{
    if (is_nan(x))
        return 0;
    return x >= 2147483648.0 ? 0x7FFFFFFF : x < -2147483648.0 ? int(0x80000000u) : int(x);
}

uint natural(float x) { return x >= 4294967296.0 ? 0xFFFFFFFFu : x > 0.0 && !is_nan(x) ? uint(x) : 0u; }

#define F float
#define I int
#define U uint
#define B bool
#define TO_INT floatBitsToInt
#define TO_UINT floatBitsToUint
#define TO_F uintBitsToFloat
#include "math-functions.glsl"
#undef F
#undef I
#undef U
#undef B
#define F vec4
#define I ivec4
#define U uvec4
#define B bvec4
#define REMAINDERS_OF_FOUR
#include "math-functions.glsl"
#undef F
#undef I
#undef U
#undef B
#undef TO_INT
#undef TO_UINT
#undef TO_F
#undef REMAINDERS_OF_FOUR
#endif
