// Positions in arrays of up to six axes, of which the last `used` count; sizes are those of axes 1..5.
uint[6] axes(uint i, uint size[5], uint used)
{
    uint at[6] = uint[6](0, 0, 0, 0, 0, 0);
    for (uint d = 5; d + used > 6; d--) {
        at[d] = i % size[d - 1];
        i /= size[d - 1];
    }
    at[6 - used] = i;
    return at;
}

uint place(uint at[6], uint strides[6])
{
    uint sum = 0;
    for (int d = 0; d < 6; d++)
        sum += at[d] * strides[d];
    return sum;
}
