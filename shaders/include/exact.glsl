// Sums, products and ratios of expressions, each rounded by itself whatever stands around it.
#ifndef EXACT_GLSL
#define EXACT_GLSL
float plus(float a, float b)
{
    precise float sum = a + b;
    return sum;
}

float times(float a, float b)
{
    precise float product = a * b;
    return product;
}

float over(float a, float b)
{
    precise float ratio = a / b;
    return ratio;
}
#endif
