// Keys that sort as the numbers do, as unsigned words: NaN above all, -0 like 0.
const uint RUN = 16; // elements that one invocation sorts by itself

uint sort_key(uint bits, bool real, bool descending)
{
    uint key;
    if (real)
        key = (bits & 0x7FFFFFFFu) > 0x7F800000u ? 0xFFFFFFFFu
              : bits == 0x80000000u ? 0x80000000u
              : (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    else
        key = bits ^ 0x80000000u;
    return descending ? ~key : key;
}
