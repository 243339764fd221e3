// Functions that GLSL lacks, or whose own forms overflow or lose digits.
REAL select(REAL if_false, REAL if_true, TEST test) { return mix(if_false, if_true, test); }

// exp(-|x|) never overflows: both branches of a logistic function come from it.
REAL logistic(REAL x)
{
    REAL e = exp(-abs(x));
    return select(e, REAL(1.0), AT_LEAST(x, REAL(0.0))) / (1.0 + e);
}

// log(1 + e) for e in [0, 1] without losing small e (Higham, Accuracy and Stability, 2nd ed., section 1.14.1).
REAL log1p_small(REAL e)
{
    precise REAL w = 1.0 + e; // else compilers take d for e
    precise REAL d = w - 1.0;
    return select(log(w) * (e / select(d, REAL(1.0), EQUAL(d, REAL(0.0)))), e, EQUAL(d, REAL(0.0)));
}

// tanh through expm1-like terms would need more; below 0.01 its series is exact to float32.
REAL hyperbolic_tangent(REAL x)
{
    REAL e = exp(-2.0 * abs(x));
    REAL far = (1.0 - e) / (1.0 + e);
    REAL x2 = x * x;
    REAL near = abs(x) * (1.0 - x2 * (1.0 / 3.0 - x2 * (2.0 / 15.0 - x2 * (17.0 / 315.0 - x2 * (62.0 / 2835.0)))));
    REAL size = select(far, near, ABOVE(REAL(0.3), abs(x)));
    return select(-size, size, AT_LEAST(x, REAL(0.0)));
}

// Gauss error function to 1.2e-7: W. J. Cody's form is longer; this is the Chebyshev fit of Numerical Recipes, 6.2.2.
REAL error_function(REAL x)
{
    REAL z = abs(x);
    REAL t = 1.0 / (1.0 + 0.5 * z);
    REAL s = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
             + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    REAL r = 1.0 - t * exp(-z * z + s);
    return select(-r, r, AT_LEAST(x, REAL(0.0)));
}
