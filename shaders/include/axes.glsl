// Positions in arrays of up to six axes; sizes are those of axes 1..5 (axis 0 needs none).
uint[6] axes(uint i, uint size[5])
{
    uint at[6];
    for (int d = 4; d >= 0; d--) {
        at[d + 1] = i % size[d];
        i /= size[d];
    }
    at[0] = i;
    return at;
}

uint place(uint at[6], uint strides[6])
{
    uint sum = 0;
    for (int d = 0; d < 6; d++)
        sum += at[d] * strides[d];
    return sum;
}
