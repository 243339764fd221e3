// (a / b, a % b) by one division: lavapipe makes two of them, each lane by lane, where both are asked for.
uvec2 divided(uint a, uint b)
{
    uint quotient = a / b;
    return uvec2(quotient, a - quotient * b);
}
