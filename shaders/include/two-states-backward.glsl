// What the ways back through two states a and b share: where their gradients and the sums for NUMBERS constants come
// from, and where they go.  A run may go in blocks of steps (blocks.glsl), the last first.
layout(constant_id = 1) const uint CHUNK = 1; // see blocks.glsl
layout(constant_id = 2) const uint BLOCK = 0;
layout(constant_id = 3) const uint LEARN = 0; // the constants are in memory
layout(constant_id = 4) const uint SUMS = 0; // their gradients are wanted

void begin(uint i, uint last, inout REAL a, inout REAL b, inout REAL sums[NUMBERS])
{
    if (last < p.steps) {
        a = AT(ga, i);
        b = AT(gb, i);
        for (uint j = 0; SUMS == 1 && j < NUMBERS; j++)
            sums[j] = AT(gc, j * p.n + i);
    } else {
        if (p.has_ga_end == 1)
            a = AT(ga_end, i);
        if (p.has_gb_end == 1)
            b = AT(gb_end, i);
    }
}

void finish(uint i, REAL a, REAL b, REAL sums[NUMBERS])
{
    AT(ga, i) = a;
    AT(gb, i) = b;
    for (uint j = 0; SUMS == 1 && j < NUMBERS; j++)
        AT(gc, j * p.n + i) = sums[j];
}
