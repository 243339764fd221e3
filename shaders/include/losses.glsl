// Losses of one element x against its target t, and their slopes; grilly_vk/ops/loss.py numbers them in this order.
const uint MSE = 0, L1 = 1, SMOOTH_L1 = 2, BCE = 3, CHANCE = 4;

// log(1 + exp(-x)) without overflow.
float softplus_of_minus(float x) { return max(-x, 0.0) + log1p_small(exponential(-abs(x))); }

// Of a probability x, no less than -100 as in PyTorch: log(x), and log(1 - x).
float log_of(float x) { return x > 0.0 ? max(logarithm(x), -100.0) : -100.0; }
float log_of_rest(float x) { return x < 1.0 ? max(x > 0.5 ? logarithm(1.0 - x) : log1p_small(-x), -100.0) : -100.0; }
bool is_chance(float x) { return x >= 0.0 && x <= 1.0; }
const uint NOT_A_NUMBER = 0x7FC00000u;

// beta: where smooth_l1 turns linear.  positive: the weight of bce's positive class.
float loss_of(float x, float t, float beta, float positive)
{
    float d = x - t, size = abs(d);
    switch (OP) {
    case MSE: return d * d;
    case L1: return size;
    case CHANCE:
        return is_chance(x) ? -(t * log_of(x) + (1.0 - t) * log_of_rest(x)) : uintBitsToFloat(NOT_A_NUMBER);
    case SMOOTH_L1: return size < beta ? 0.5 * size * (size / beta) : size - 0.5 * beta;
    default: // (1 - t) x + (1 + (positive - 1) t) log(1 + exp(-x)), without a difference that loses small losses
        return (x < 0.0 ? -positive * t : 1.0 - t) * x
             + (1.0 + (positive - 1.0) * t) * log1p_small(exponential(-abs(x)));
    }
}

// Slopes for x and for t.
vec2 slopes_of(float x, float t, float beta, float positive)
{
    float d = x - t, s;
    switch (OP) {
    case MSE: s = 2.0 * d; break;
    case L1: s = sign_of(d); break;
    case SMOOTH_L1: s = abs(d) >= beta ? sign_of(d) : d / beta; break; // NaN stays NaN
    case CHANCE:
        return is_chance(x) ? vec2(d / max((1.0 - x) * x, 1e-12), log_of_rest(x) - log_of(x))
                            : vec2(uintBitsToFloat(NOT_A_NUMBER));
    default:
        s = (1.0 + (positive - 1.0) * t) * logistic(-abs(x));
        return vec2(x < 0.0 ? s - positive * t : (1.0 - t) - s, (positive - 1.0) * softplus_of_minus(x) - x);
    }
    return vec2(s, -s);
}
