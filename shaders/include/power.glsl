// Powers of any two numbers.
#include "math.glsl"

// a^b for a > 0, finite: exp(b log(a)) with the logarithm and the product in two floats each.
float positive_power(float a, float b)
{
    uint bits = floatBitsToUint(a);
    bool small = bits < 0x00800000u;
    bits = (small ? floatBitsToUint(float(bits)) : bits) + (0x3F800000u - 0x3F3504F3u);
    precise float e = float(int(bits >> 23)) - (small ? 276.0 : 127.0);
    precise float f = uintBitsToFloat((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0;
    // log(1 + f) = 2 artanh(s), s = f / (2 + f)
    precise float below = 2.0 + f, below_rest = f - (below - 2.0);
    precise float s = f / below, product = s * below;
    precise float s_rest = (((f - product) - product_error(s, below, product)) - s * below_rest) / below;
    precise float u = s * s;
    precise float tail = s * (u * ((((0.11612165 * u + 0.10853288) * u + 0.14296179) * u + 0.19999853) * u + 0.33333334));
    precise float first = e * 0.693359375, second = 2.0 * s, sum = first + second;
    precise float back = sum - first, sum_rest = (first - (sum - back)) + (second - back);
    precise float low = sum_rest + (2.0 * (s_rest + tail) - e * 2.12194440e-4);
    precise float high = sum + low;
    low = low - (high - sum);
    b = clamp(b, -1e12, 1e12); // no result but 0, 1 and infinity lies beyond
    precise float exponent = b * high;
    precise float rest = clamp(product_error(b, high, exponent) + b * low, -0.01, 0.01); // more only beyond exp's range
    return exponential(exponent) * (1.0 + rest);
}

// pow for any base, as C defines it: GLSL leaves negative bases undefined.  Smallest whole powers are products.
float power(float a, float b)
{
    if (b == 0.0 || a == 1.0 || (a == -1.0 && abs(b) == infinity()))
        return 1.0;
    if (is_nan(a) || is_nan(b))
        return nan();
    bool whole = b == floor(b), odd = whole && abs(b) < 16777216.0 && (int(b) & 1) != 0;
    bool negative = (floatBitsToUint(a) & 0x80000000u) != 0u;
    float size = abs(a), r = size;
    if ((floatBitsToUint(a) & 0x7FFFFFFFu) == 0u)
        return b > 0.0 ? (odd ? a : 0.0) : odd ? uintBitsToFloat(0x7F800000u | floatBitsToUint(a)) : infinity();
    if (negative && !whole && size < infinity())
        return nan();
    if (size == infinity())
        r = b > 0.0 ? infinity() : 0.0;
    else if (abs(b) == infinity())
        r = (size > 1.0) == (b > 0.0) ? infinity() : 0.0;
    else if (whole && abs(b) <= 4.0) {
        r = abs(b) == 1.0 ? size : abs(b) == 2.0 ? size * size : abs(b) == 3.0 ? size * size * size
          : (size * size) * (size * size);
        r = b < 0.0 ? quotient(1.0, r) : r;
    } else
        r = positive_power(size, b);
    return negative && odd ? -r : r;
}
