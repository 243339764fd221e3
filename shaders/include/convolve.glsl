// The 2-d convolution of (batch, sets, ins, h, w) and its gradient to the input: what its kernels have in common.
layout(constant_id = 1) const uint BACK = 0; // 1: x is the gradient of the result, y that of the input
layout(constant_id = 2) const uint BIAS = 0;

READS(0, REAL, x); // (batch, sets, ins, h, w)
READS(1, vec4, w); // (sets, outs / 4, kh * kw, ins * VEC), 4 outs each
READS(2, float, bias); // (sets * outs)
WRITES(3, float, y); // (batch, sets, outs, oh, ow)
layout(push_constant) uniform Push {
    OFFSETS(4); uint batch; uint sets; uint ins; uint outs; // sets: groups of channels
    uint h; uint width; uint oh; uint ow; uint kh; uint kw;
    uint stride_y; uint stride_x; uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    uint band; // images whose pixels are tiled together
    uint zero; // vec4: where x has a zero
    uint first; uint count; // tiles of this dispatch
} p;

// Where tap k meets the pixels `at` of y, in x; wraps to huge numbers outside.  False: it meets no pixel of them.
bool meet(uvec4 at, uint k, uint size, uint step, uint pad, uint gap, out uvec4 source)
{
    source = at * step + k * gap - pad;
    if (BACK == 1) {
        uvec4 v = at + pad + (step * size - k) * gap;
        source = v / step - size * gap;
        return v.x % step == 0;
    }
    return true;
}

// Four pixels of y.  In BACK, those that the same taps meet go together: with the same remainder by the stride.
struct Pixels { uvec4 index; uvec4 image; uvec4 row; uvec4 col; };
uvec2 phases() { return BACK == 1 ? uvec2(p.stride_y, p.stride_x) : uvec2(1); }
uvec2 grid() { return (uvec2(p.oh, p.ow) + phases() - 1) / phases(); }
Pixels pixels(uint four, uint phase, uint band)
{
    uvec2 each = phases(), g = grid();
    uvec4 q = four * 4 + uvec4(0, 1, 2, 3);
    return Pixels(q, band * p.band + q / (g.x * g.y), q % (g.x * g.y) / g.y * each.x + phase / each.y,
                  q % g.y * each.y + phase % each.y);
}

// Whether each of the pixels exists.
bvec4 real(Pixels t)
{
    uvec4 end = uvec4(grid().x * grid().y * p.band);
    bvec4 a = lessThan(t.index, end), b = lessThan(t.image, uvec4(p.batch)), c = lessThan(t.row, uvec4(p.oh));
    bvec4 d = lessThan(t.col, uvec4(p.ow));
    return bvec4(a.x && b.x && c.x && d.x, a.y && b.y && c.y && d.y, a.z && b.z && c.z && d.z, a.w && b.w && c.w && d.w);
}

// Where the pixels' sources begin in x, and the steps to their next channel.  Outside the image: the zero behind it
// (vec4), or any element, not taken.
bvec4 sources(uvec4 images, uvec4 sy, uvec4 sx, out uvec4 at, out uvec4 channel)
{
    bvec4 in_y = lessThan(sy, uvec4(p.h)), in_x = lessThan(sx, uvec4(p.width));
    bvec4 inside = bvec4(in_y.x && in_x.x, in_y.y && in_x.y, in_y.z && in_x.z, in_y.w && in_x.w);
    at = mix(uvec4(BEGIN(x) + p.zero), images + sy * p.width + sx, inside);
    channel = mix(uvec4(0), uvec4(p.h * p.width), inside);
    return inside;
}
