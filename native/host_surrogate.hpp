// Spikes and surrogate derivatives of sixteen neurons.
#pragma once

#include "lanes.hpp"

namespace grilly {

struct HostSlope
{
    std::int64_t kind; // as in shaders/include/surrogate.glsl
    float alpha, beta;
};

GRILLY_INLINE void clear_below(Lanes& of)
{
    const Lanes none{};
    choose(of, none > of, none, of);
}

// Those of shaders/include/surrogate.glsl, by its numbers.
GRILLY_INLINE void surrogate(Lanes& to, const Lanes& z, const HostSlope& of)
{
    const float a = of.alpha, b = of.beta;
    const Lanes none{};
    Lanes one, y, x, level;
    fill(one, 1.0f);
    y = (Lanes)((LaneMask)z & 0x7FFFFFFF);
    switch (of.kind) {
        case 1: // atan
            x = z * (1.5707963267948966f * a);
            to = (0.5f * a) / (one + x * x);
            return;
        case 3: // fast_sigmoid, super_spike, scaled
        case 4:
        case 12:
            x = one + a * y;
            to = (of.kind == 4 ? 1.0f : of.kind == 12 ? b : 0.5f * a) / (x * x);
            return;
        case 5: // piecewise_quadratic
            to = a - (a * a) * y;
            clear_below(to);
            return;
        case 7: // rect
            fill(level, 0.5f / a);
            fill(x, a);
            choose(to, level > y, x, none);
            return;
        case 9: // boxcar
            fill(level, 0.5f * a);
            fill(x, b);
            choose(to, level >= y, x, none);
            return;
        default: // triangular
            to = one - a * y;
            clear_below(to);
    }
}

} // namespace grilly
