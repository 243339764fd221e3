#ifndef NAN_GLSL
#define NAN_GLSL
// By its bits: some drivers optimise x != x away.
bool is_nan(float v) { return (floatBitsToUint(v) & 0x7FFFFFFFu) > 0x7F800000u; }
#endif
