// Input that is normalised on its way in, with a line of the table (base, mean, gain, bias) for each channel, in each
// step with NORM = 2, and with SCALE times a number of the step: element i of a step belongs to channel
// i / p.inner % p.channels.
struct Lines { REAL base, mean, gain, bias; };

Lines lines(uint t, uint i)
{
    Lines l;
    uint from = BEGIN(table) + (NORM == 2 ? t * p.channels : 0);
#if VEC == 4
    uint own = p.channels; // four neighbours often share a channel
    vec4 line = vec4(0);
    for (uint e = 0; e < 4; e++) {
        uint channel = (4 * i + e) / p.inner % p.channels;
        if (channel != own)
            line = table[from + channel];
        own = channel;
        l.base[e] = line.x;
        l.mean[e] = line.y;
        l.gain[e] = line.z;
        l.bias[e] = line.w;
    }
#else
    vec4 line = table[from + i / p.inner % p.channels];
    l = Lines(line.x, line.y, line.z, line.w);
#endif
    return l;
}

REAL normalised(REAL x, uint t, Lines l)
{
    precise REAL y = ((x - l.base) - l.mean) * l.gain + l.bias; // a second run must meet the threshold as the first did
    if (SCALE == 1)
        y *= AT(scale, t);
    return y;
}
