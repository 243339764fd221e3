// Whole numbers of 64 bits as (low, high) words, so that sums of int32 can't overflow on their way; and products.
uvec2 widened(uint word) { return uvec2(word, int(word) < 0 ? 0xFFFFFFFFu : 0u); }

uvec2 plus(uvec2 a, uvec2 b)
{
    uint carry, low = uaddCarry(a.x, b.x, carry);
    return uvec2(low, a.y + b.y + carry);
}

// The nearest int32.
uint cut(uvec2 v)
{
    bool fits = v.y == (int(v.x) < 0 ? 0xFFFFFFFFu : 0u);
    return fits ? v.x : int(v.y) < 0 ? 0x80000000u : 0x7FFFFFFFu;
}

// What does not fit int32 is cut to the nearest that does, and further factors but 0 change its sign alone.
int times(int a, int b)
{
    int high, low;
    imulExtended(a, b, high, low);
    return high == low >> 31 ? low : high < 0 ? int(0x80000000u) : 0x7FFFFFFF;
}
