// Surrogate derivatives of the spike: what backward takes in place of the step's, by the distance z to the threshold.
// KIND is a specialization constant of the including shader; a and b are the surrogate's numbers.
#include "math.glsl"

const uint ATAN = 1, SIGMOID = 2, FAST_SIGMOID = 3, SUPER_SPIKE = 4, PIECEWISE_QUADRATIC = 5, ERF = 6, RECT = 7;
const uint TANH = 8, BOXCAR = 9, TRIANGULAR = 10, TEXT = 11, SCALED = 12;

#ifdef SURROGATE_TEXT
float user(float x) { return SURROGATE_TEXT; }
#if VEC == 4
vec4 user(vec4 x) { return vec4(user(x.x), user(x.y), user(x.z), user(x.w)); }
#endif
#else
REAL user(REAL x) { return REAL(0); } // KIND is not TEXT
#endif

REAL surrogate(uint kind, REAL z, float a, float b)
{
    REAL y = abs(z), one = REAL(1);
    if (kind == ATAN) {
        REAL x = z * (1.5707963267948966 * a);
        return REAL(0.5 * a) / (one + x * x);
    }
    if (kind == SIGMOID) { // of -|x|, so that exp can't overflow
        REAL e = quick_exponential(-a * y);
        return a * e / ((one + e) * (one + e));
    }
    if (kind == FAST_SIGMOID || kind == SUPER_SPIKE || kind == SCALED) {
        REAL x = one + a * y;
        return REAL(kind == SUPER_SPIKE ? 1.0 : kind == SCALED ? b : 0.5 * a) / (x * x);
    }
    if (kind == PIECEWISE_QUADRATIC)
        return at_least(REAL(a) - a * a * y, REAL(0));
    if (kind == ERF) {
        REAL x = a * z;
        return a * 0.5641895835477563 * quick_exponential(-x * x);
    }
    if (kind == RECT)
        return a * REAL(ABOVE(REAL(0.5 / a), y));
    if (kind == TANH) { // 1 - tanh(a x)^2 = 1 / cosh(a x)^2
        REAL e = quick_exponential(-2.0 * abs(a) * y);
        return 4.0 * e / ((one + e) * (one + e));
    }
    if (kind == BOXCAR)
        return b * REAL(AT_LEAST(REAL(0.5 * a), y));
    if (kind == TRIANGULAR)
        return at_least(one - a * y, REAL(0));
    return user(z);
}
