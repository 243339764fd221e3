// Which of the elements are above 0, a bit each.
uint bits(REAL z)
{
#if VEC == 4
    uvec4 one = uvec4(ABOVE(z, REAL(0)));
    return one.x | one.y << 1 | one.z << 2 | one.w << 3;
#else
    return uint(z > 0.0);
#endif
}
