// The functions of math.glsl for the type F, one float or four; I, U and B its integers and truth values.

// e^x to 1 ulp, by S. L. Moshier's polynomial (Cephes, expf) on the remainder and the power of two added to the bits.
// NaN stays NaN; below -87.336 the result, which would be denormal, is 0.
F exponential(F x)
{
    precise F turned = x * 1.44269504 + 12582912.0, n = turned - 12582912.0; // rounds: its low bits hold n
    precise F r = (x - n * 0.693359375) + n * 2.12194440e-4;
    precise F y = 1.9875691500e-4 * r + 1.3981999507e-3;
    y = y * r + 8.3334519073e-3;
    y = y * r + 4.1665795894e-2;
    y = y * r + 1.6666665459e-1;
    y = y * r + 5.0000001201e-1;
    y = (y * (r * r) + r) + 1.0;
    y = TO_F(TO_UINT(y) + (TO_UINT(turned) << 23));
    y = mix(y, F(infinity()), more(x, F(88.72283)));
    y = mix(y, F(0.0), more(F(-87.33654), x));
    return mix(y, x, more(TO_UINT(x) & U(0x7FFFFFFFu), U(0x7F800000u)));
}

// e^x by the device, to 3 + 2|x| ulp, for slopes and parts of sums, whose last digits count little.  NaN stays NaN.
F quick_exponential(F x) { return mix(exp(x), x, more(TO_UINT(x) & U(0x7FFFFFFFu), U(0x7F800000u))); }

// The natural logarithm to 1 ulp, near 1 too (Cephes, logf), of denormal numbers too.  -Inf for 0, NaN below 0.
F logarithm(F x)
{
    U bits = TO_UINT(x);
    B small = more(U(0x00800000u), bits);
    bits = mix(bits, TO_UINT(F(bits)), small); // times 2^149
    bits += U(0x3F800000u - 0x3F3504F3u);
    F e = F(I(bits >> 23)) - mix(F(127.0), F(276.0), small);
    precise F f = TO_F((bits & U(0x007FFFFFu)) + U(0x3F3504F3u)) - 1.0; // from sqrt(1/2) - 1 to sqrt(2) - 1
    precise F z = f * f;
    precise F y = 7.0376836292e-2 * f - 1.1514610310e-1;
    y = y * f + 1.1676998740e-1;
    y = y * f - 1.2420140846e-1;
    y = y * f + 1.4249322787e-1;
    y = y * f - 1.6668057665e-1;
    y = y * f + 2.0000714765e-1;
    y = y * f - 2.4999993993e-1;
    y = y * f + 3.3333331174e-1;
    y = (y * (f * z) - e * 2.12194440e-4) - 0.5 * z;
    y = (f + y) + e * 0.693359375;
    bits = TO_UINT(x);
    y = mix(y, F(nan()), more(bits, U(0x7F800000u))); // negative, or NaN
    y = mix(y, x, same(bits, U(0x7F800000u)));
    return mix(y, F(-infinity()), same(bits & U(0x7FFFFFFFu), U(0u)));
}

// The square root; NaN below 0, and of denormal numbers what it is of any other.
F root(F x)
{
    U bits = TO_UINT(x);
    B small = more(U(0x00800000u), bits);
    F y = sqrt(mix(x, F(bits) * 2.0, small)) * mix(F(1.0), F(2.6469779601696886e-23), small); // 2^-75
    y = mix(y, F(nan()), more(bits, U(0x7F800000u)));
    return mix(y, x, more(U(1u), bits & U(0x7FFFFFFFu))); // -0 stays
}

// x less the nearest multiple of pi / 2, in [-pi/4, pi/4], and its number.  Up to 4000 four parts of pi / 2 are enough
// (Cody & Waite, 1980); what is infinite or NaN gives NaN.
F near_remainder(F x, out I quadrant)
{
    precise F turned = x * 0.63661977 + 12582912.0, n = turned - 12582912.0;
    precise F r = x - n * 1.5703125;
    r = r - n * 4.837512969970703e-4;
    r = r - n * 7.549533620476723e-8;
    quadrant = TO_INT(turned);
    return r - n * 2.5633440682570896e-12;
}

F remainder_of_turn(F x, out I quadrant)
{
    F r = near_remainder(x, quadrant);
#ifdef REMAINDERS_OF_FOUR
    bvec4 far = greaterThan(abs(x), vec4(4000.0));
    if (any(far))
        for (uint e = 0; e < 4; e++)
            if (far[e]) {
                int q;
                r[e] = far_remainder(x[e], q);
                quadrant[e] = q;
            }
#else
    if (abs(x) > 4000.0)
        r = far_remainder(x, quadrant);
#endif
    return mix(r, F(nan()), more(TO_UINT(x) & U(0x7FFFFFFFu), U(0x7F7FFFFFu)));
}

// sin(r) or cos(r) for |r| <= pi/4, by the quadrant (Cephes, sinf, cosf).
F of_quadrant(F r, I quadrant)
{
    precise F z = r * r;
    precise F s = (-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1;
    s = s * z * r + r;
    precise F c = (2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2;
    c = (c * (z * z) - 0.5 * z) + 1.0;
    F y = mix(s, c, same(U(quadrant) & U(1u), U(1u)));
    return TO_F(TO_UINT(y) ^ (U(quadrant) & U(2u)) << 30);
}

F sine(F x)
{
    I quadrant;
    F r = remainder_of_turn(x, quadrant);
    return mix(of_quadrant(r, quadrant), x, same(x, F(0.0))); // -0 stays
}

F cosine(F x)
{
    I quadrant;
    F r = remainder_of_turn(x, quadrant);
    return of_quadrant(r, quadrant + I(1));
}

// a / b, with zero, infinity or NaN where b is 0, and for b so large that 1 / b is denormal.
F quotient(F a, F b)
{
    precise F scale = mix(F(1.0), F(0.25), more(abs(b), F(8.5e37)));
    precise F y = (a * scale) / (b * scale);
    U bits = TO_UINT(a) & U(0x7FFFFFFFu);
    F at_zero = TO_F(((TO_UINT(a) ^ TO_UINT(b)) & U(0x80000000u)) | U(0x7F800000u));
    at_zero = mix(at_zero, F(nan()), more(bits - U(1u), U(0x7F7FFFFFu))); // 0 or NaN by 0
    return mix(y, at_zero, same(TO_UINT(b) & U(0x7FFFFFFFu), U(0u)));
}

// What rounding took off a * b (T. J. Dekker, 1971).
F product_error(F a, F b, F product)
{
    precise F ah = a * 4097.0, bh = b * 4097.0;
    ah = ah - (ah - a);
    bh = bh - (bh - b);
    precise F al = a - ah, bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

// a / b and 1 / sqrt(x) as every device rounds them, where a spike may hang on it: a step of Newton on top of what the
// device gives to 2.5 ulp.  Of what is not of moderate size, the device's.
F same_quotient(F a, F b)
{
    precise F y = a / b, product = y * b, rest = (a - product) - product_error(y, b, product);
    precise F better = y + rest / b;
    return mix(y, better, more(F(1e30), abs(y) + abs(a) + abs(b)));
}

F inverse_root(F x)
{
    precise F y = 1.0 / sqrt(x), twice = x * y, product = twice * y;
    precise F rest = ((1.0 - product) - product_error(twice, y, product)) - product_error(x, y, twice) * y;
    precise F better = y + 0.5 * y * rest;
    return mix(y, better, more(F(1e30), x + y));
}

// The angle whose tangent is x (Cephes, atanf).
F arctangent(F x)
{
    precise F size = abs(x);
    B far = more(size, F(2.4142135)), near = more(F(0.41421356), size);
    precise F above = mix(mix(size - 1.0, F(-1.0), far), size, near);
    precise F below = mix(mix(size + 1.0, size, far), F(1.0), near), z = above / below;
    precise F base = mix(mix(F(0.78539819), F(1.5707964), far), F(0.0), near);
    precise F square = z * z;
    precise F y = 8.05374449538e-2 * square - 1.38776856032e-1;
    y = y * square + 1.99777106478e-1;
    y = y * square - 3.33329491539e-1;
    y = base + (y * square * z + z);
    return TO_F((TO_UINT(y) & U(0x7FFFFFFFu)) | (TO_UINT(x) & U(0x80000000u)));
}

// At least low, at most high; NaN stays NaN, where max, min and clamp may give either.
F at_least(F x, F low) { return mix(x, low, more(low, x)); }
F at_most(F x, F high) { return mix(x, high, more(x, high)); }
F within(F x, F low, F high) { return at_most(at_least(x, low), high); }

// -1, 0 or 1, and NaN of NaN.
F sign_of(F x) { return mix(sign(x), x, more(TO_UINT(x) & U(0x7FFFFFFFu), U(0x7F800000u))); }
