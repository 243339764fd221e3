// Which two inputs a resized axis takes result o from, and how much of the second; PyTorch's rules.
const uint NEAREST = 0, EXACT = 1, LINEAR = 2, CORNERS = 3; // CORNERS: linear, with the ends on each other
struct Resized { uint size; uint outs; float scale; }; // scale: inputs a result
struct Taps { uint first; uint second; float share; };

Taps taps(Resized a, uint o)
{
    precise float at = float(o);
    if (MODE == NEAREST || MODE == EXACT) {
        if (MODE == EXACT)
            at += 0.5;
        at *= a.scale;
        uint i = min(uint(at), a.size - 1);
        return Taps(i, i, 0.0);
    }
    if (MODE == LINEAR)
        at = max((at + 0.5) * a.scale - 0.5, 0.0);
    else
        at *= a.scale;
    uint i = min(uint(at), a.size - 1);
    return Taps(i, min(i + 1, a.size - 1), clamp(at - float(i), 0.0, 1.0));
}

// The results that may take something from input i: from x up to y.
uvec2 takers(Resized a, uint i)
{
    if (!(a.scale > 0.0))
        return uvec2(0, a.outs);
    float low = (float(i) - 1.5) / a.scale - 2.0, high = (float(i) + 1.5) / a.scale + 2.0;
    return uvec2(i == 0 ? 0u : uint(max(low, 0.0)), i + 1 == a.size ? a.outs : uint(min(high, float(a.outs))));
}

// How much of input i result o takes.
float part(Resized a, uint o, uint i)
{
    Taps t = taps(a, o);
    return (t.first == i ? 1.0 - t.share : 0.0) + (t.second == i ? t.share : 0.0);
}
