// The element-wise functions and their derivatives; grilly_vk/ops/pointwise.py numbers them in the same order.
const uint LEAKY_RELU = 0, GELU = 1, SILU = 2, SOFTPLUS = 3, CLAMP = 4, SCALE = 5, HARDTANH = 6, ELU = 7,
           ROUND = 8, NEG = 9, EXP = 10, LOG = 11, SQRT = 12, ABS = 13, TANH = 14, SIGMOID = 15, RELU = 16,
           SIGN = 17, SIN = 18, COS = 19, FLOOR = 20, CEIL = 21, TRUNC = 22, LOG1P = 23, EXPM1 = 24, ERF = 25,
           ATAN = 26;

#include "special.glsl"

REAL function(uint op, REAL x, float a, float b)
{
    TEST up = ABOVE(x, REAL(0.0));
    REAL y;
    switch (op) {
    case NEG: return -x;
    case EXP: return exponential(x);
    case LOG: return logarithm(x);
    case SQRT: return root(x);
    case ABS: return abs(x);
    case TANH: return hyperbolic_tangent(x);
    case SIGMOID: return logistic(x);
    case RELU: return select(x, REAL(0.0), ABOVE(REAL(0.0), x)); // NaN stays NaN
    case LEAKY_RELU: return select(a * x, x, up);
    case GELU: return x * normal_distribution(x);
    case SILU: return x * logistic(x);
    case SOFTPLUS:
        y = (max(b * x, REAL(0.0)) + log1p_small(exponential(-abs(b * x)))) / b;
        return select(x, y, ABOVE(REAL(a), b * x));
    case CLAMP:
    case HARDTANH:
        x = select(x, REAL(a), ABOVE(REAL(a), x));
        return select(x, REAL(b), ABOVE(x, REAL(b))); // the upper bound wins where they cross
    case SCALE: return a * x + b;
    case SIGN: return sign_of(x);
    case SIN: return sine(x);
    case COS: return cosine(x);
    case ELU: return select(a * exponential_less_1(x), x, up);
    case FLOOR: return floor(x);
    case CEIL: return ceil(x);
    case ROUND: return roundEven(x);
    case TRUNC: return trunc(x);
    case LOG1P: return log1p_any(x);
    case EXPM1: return select(exponential(x) - 1.0, exponential_less_1(x), ABOVE(REAL(0.5), x));
    case ERF: return error_function(x);
    case ATAN: return arctangent(x);
    default: return x;
    }
}

// Of exp, sqrt, tanh, sigmoid and relu, x is the result, which the next operation often keeps anyway.
// At NaN slopes are what PyTorch's are: 1 of relu and hardtanh, NaN of softplus.
REAL derivative(uint op, REAL x, float a, float b)
{
    TEST up = ABOVE(x, REAL(0.0));
    REAL one = REAL(1.0), none = REAL(0.0), y;
    switch (op) {
    case NEG: return -one;
    case EXP: return x;
    case LOG: return quotient(one, x);
    case SQRT: return quotient(REAL(0.5), x);
    case ABS: return sign_of(x);
    case TANH: return 1.0 - x * x;
    case SIGMOID: return x * (1.0 - x);
    case RELU: return select(one, none, AT_LEAST(none, x));
    case LEAKY_RELU: return select(REAL(a), one, up);
    case GELU: return normal_distribution(x) + x * 0.39894228 * exponential(-0.5 * x * x);
    case SILU: y = logistic(x); return y * (1.0 + x * (1.0 - y));
    case SOFTPLUS: return select(logistic(b * x), one, AT_LEAST(b * x, REAL(a)));
    case CLAMP: return select(none, one, BOTH(AT_LEAST(x, REAL(a)), AT_LEAST(REAL(b), x)));
    case HARDTANH: return select(one, none, EITHER(AT_LEAST(REAL(a), x), AT_LEAST(x, REAL(b))));
    case SCALE: return REAL(a);
    case SIN: return cosine(x);
    case COS: return -sine(x);
    case ELU: return select(a * exponential(x), one, up);
    case LOG1P: return quotient(one, 1.0 + x);
    case EXPM1: return exponential(x);
    case ERF: return 1.12837917 * exponential(-x * x);
    case ATAN: return 1.0 / (1.0 + x * x);
    default: return none; // SIGN, FLOOR, CEIL, ROUND, TRUNC
    }
}

// The gradient of x from that of the result: nothing comes through a flat part, not even infinity or NaN.
REAL pulled(uint op, REAL gy, REAL x, float a, float b)
{
    REAL slope = derivative(op, x, a, b);
    return op == RELU || op == CLAMP || op == HARDTANH ? select(gy, REAL(0.0), EQUAL(slope, REAL(0.0))) : gy * slope;
}
