// Poisson numbers.  Rates below 10: products of uniforms (Knuth, The Art of Computer Programming 2, 3.4.1).  Above:
// Hormann, "The transformed rejection method for generating Poisson random variables", Insurance: Mathematics and
// Economics 12 (1993), algorithm PTRS, with the probability in Loader's form, which float32 can hold ("Fast and
// accurate computation of binomial probabilities", 2000).
#include "math.glsl"

// k log(k / rate) + rate - k without cancellation.
float deviance(float k, float rate)
{
    float v = (k - rate) / (k + rate);
    if (abs(v) > 0.1)
        return k * logarithm(k / rate) + rate - k;
    float s = (k - rate) * v, e = 2.0 * k * v;
    for (float j = 3.0; j < 12.0; j += 2.0) {
        e *= v * v;
        s += e / j;
    }
    return s;
}

float log_probability(float k, float rate)
{
    if (k == 0.0)
        return -rate;
    float r = 1.0 / k;
    return -r * (1.0 / 12.0 - r * r * (1.0 / 360.0 - r * r / 1260.0)) - deviance(k, rate) - 0.5 * logarithm(6.2831853 * k);
}

float poisson(float rate, uvec4 counter, uvec2 key)
{
    if (!(rate >= 0.0 && rate < 1e30)) // negative, NaN, infinite
        return uintBitsToFloat(0x7FC00000u);
    if (rate < 10.0) {
        float limit = exponential(-rate), product = 1.0;
        for (uint k = 0; k < 256; counter.y++) {
            vec4 u = philox_uniform(counter, key);
            for (uint j = 0; j < 4; j++, k++) {
                product *= 1.0 - u[j];
                if (product <= limit)
                    return float(k);
            }
        }
        return 256.0; // never in practice: below 1e-200
    }
    float b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    float scale = logarithm(1.1239 + 1.1328 / (b - 3.4)), sure = 0.9277 - 3.6224 / (b - 2.0);
    for (uint tries = 0; tries < 64; counter.y++, tries += 2) {
        vec4 u = philox_uniform(counter, key);
        for (uint j = 0; j < 4; j += 2) {
            float side = u[j] - 0.5 + 1.0 / 33554432.0, v = 1.0 - u[j + 1], edge = 0.5 - abs(side);
            float k = floor((2.0 * a / edge + b) * side + rate + 0.43);
            if (edge >= 0.07 && v <= sure)
                return k;
            if (k < 0.0 || (edge < 0.013 && v > edge))
                continue;
            if (logarithm(v) + scale - logarithm(a / (edge * edge) + b) <= log_probability(k, rate))
                return k;
        }
    }
    return floor(rate); // after 64 refusals: below 1e-30
}
