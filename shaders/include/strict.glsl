// A result, or NaN where the value it comes from is NaN or outside [0, high], so that a mistake shows.
REAL strict(REAL result, REAL value, float high)
{
    TEST inside = BOTH(AT_LEAST(value, REAL(0.0)), AT_LEAST(REAL(high), value));
    return mix(REAL(uintBitsToFloat(0x7FC00000u)), result, inside);
}
