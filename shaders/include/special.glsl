// Functions that GLSL lacks, or whose own forms overflow or lose digits.
#include "math.glsl"

REAL select(REAL if_false, REAL if_true, TEST test) { return mix(if_false, if_true, test); }

// exp(-|x|) never overflows: both branches of a logistic function come from it.
REAL logistic(REAL x)
{
    REAL e = exponential(-abs(x));
    return select(e, REAL(1.0), AT_LEAST(x, REAL(0.0))) / (1.0 + e);
}

// log(1 + e) for e in [-1/2, 1] = 2 artanh(e / (2 + e)), whose series loses nothing of small e.
REAL log1p_small(REAL e)
{
    REAL s = e / (1.0 + 0.5 * e), u = 0.25 * s * s; // twice the argument, which may not become denormal
    return s + s * (u * (((0.1342575 * u + 0.14118309) * u + 0.20003781) * u + 0.3333332));
}

// log(1 + x) for any x.
REAL log1p_any(REAL x)
{
    return select(logarithm(1.0 + x), log1p_small(x), BOTH(AT_LEAST(x, REAL(-0.5)), AT_LEAST(REAL(1.0), x)));
}

// Far from 0 by exp(-2|x|), near it by its series.
REAL hyperbolic_tangent(REAL x)
{
    REAL e = exponential(-2.0 * abs(x));
    REAL far = (1.0 - e) / (1.0 + e);
    REAL x2 = x * x;
    REAL near = abs(x) * (1.0 - x2 * (1.0 / 3.0 - x2 * (2.0 / 15.0 - x2 * (17.0 / 315.0 - x2 * (62.0 / 2835.0)))));
    REAL size = select(far, near, ABOVE(REAL(0.3), abs(x)));
    return select(-size, size, AT_LEAST(x, REAL(0.0)));
}

// exp(x) - 1 for x up to 1/2, by tanh(x / 2), without losing small x; smallest x are the result.
REAL exponential_less_1(REAL x)
{
    REAL y = hyperbolic_tangent(0.5 * x);
    return select(2.0 * y / (1.0 - y), x, ABOVE(REAL(1e-8), abs(x)));
}

// 1 - erf(|x| * sqrt(scale)), scale 1 or 1/2, however small, to 2e-7 of it: the Chebyshev fit of Numerical Recipes,
// 6.2.2, with what rounding takes off the exponent's square and sum (T. J. Dekker, 1971).
REAL error_function_tail(REAL x, float scale)
{
    precise REAL z = select(abs(x), REAL(15.0), ABOVE(abs(x), REAL(15.0))); // NaN stays
    REAL t = 1.0 / (1.0 + (scale == 1.0 ? 0.5 : 0.35355339) * z);
    precise REAL s = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t
             * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    precise REAL square = scale * (z * z), exponent = s - square;
    precise REAL high = z * 4097.0;
    high = high - (high - z);
    precise REAL low = z - high;
    precise REAL left = ((scale * (high * high) - square) + 2.0 * scale * (high * low)) + scale * (low * low);
    precise REAL rest = (s - (exponent + square)) - left;
    return t * (exponential(exponent) * (1.0 + rest));
}

// Gauss error function to 4 ulp: below 1/2 by its series.
REAL error_function(REAL x)
{
    REAL r = 1.0 - error_function_tail(x, 1.0), u = x * x;
    REAL near = 1.0 - u * (1.0 / 3.0 - u * (0.1 - u * (1.0 / 42.0 - u * (1.0 / 216.0 - u * (1.0 / 1320.0)))));
    return select(select(-r, r, AT_LEAST(x, REAL(0.0))), x * (1.1283792 * near), ABOVE(REAL(0.5), abs(x)));
}

// The normal distribution function, (1 + erf(x / sqrt(2))) / 2.
REAL normal_distribution(REAL x)
{
    REAL tail = 0.5 * error_function_tail(x, 0.5);
    return select(tail, 1.0 - tail, ABOVE(x, REAL(0.0)));
}
