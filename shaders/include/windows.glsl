// Pooling windows along one axis, clipped to the input; ADAPTIVE divides the input evenly (PyTorch's rule).
struct Axis { uint size; uint outs; uint k; uint step; uint pad; uint gap; };

// First and end of window o among the inputs (gap 1), and how many positions it has with padding.
uvec3 window(Axis a, uint o)
{
    if (ADAPTIVE == 1) {
        uint first = o * a.size / a.outs, end = ((o + 1) * a.size + a.outs - 1) / a.outs;
        return uvec3(first, end, end - first);
    }
    uint first = o * a.step, end = min(first + a.k, a.size + 2 * a.pad); // counted from the padding's start
    return uvec3(max(first, a.pad) - a.pad, min(end, a.size + a.pad) - a.pad, end - first);
}

// First and last window that hold input i; none if the first is the greater.
uvec2 holders(Axis a, uint i)
{
    if (ADAPTIVE == 1)
        return uvec2(i * a.outs / a.size, ((i + 1) * a.outs - 1) / a.size);
    uint at = i + a.pad, reach = (a.k - 1) * a.gap;
    return uvec2(at <= reach ? 0 : (at - reach + a.step - 1) / a.step, min(a.outs - 1, at / a.step));
}
