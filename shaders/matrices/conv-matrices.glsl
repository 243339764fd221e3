#version 450
// 2-d convolutions of (batch, sets, ins, h, width) to (batch, sets, outs, oh, ow) on matrix units, and both gradients:
// products of matrices one of which is laid out tile by tile, from where taps meet pixels.  No image is copied.
#pragma use_vulkan_memory_model
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "common.glsl"

// 0: the result, (outs, ins taps) times (ins taps, pixels of all images)
// 1: the input's gradient, (ins, outs taps) times (outs taps, pixels)
// 2: the weight's, (outs, pixels of the result) times (pixels, ins taps), in parts of the pixels
layout(constant_id = 1) const uint FORM = 0;
layout(constant_id = 2) const uint BIAS = 0;

READS(0, float, a); // the weight (sets, outs, ins, kh, kw); in form 2 the result's gradient
READS(1, float, x); // the input; in form 1 the result's gradient
READS(2, float, bias); // (sets, rows), added to each pixel
WRITES(3, float, y); // in form 2 (parts, sets, outs, ins, kh, kw)
layout(push_constant) uniform Push {
    OFFSETS(4); uint batch; uint sets; uint ins; uint outs; // sets: groups of channels
    uint h; uint width; uint oh; uint ow; uint kh; uint kw;
    uint stride_y; uint stride_x; uint pad_y; uint pad_x; uint gap_y; uint gap_x; // gap: dilation
    uint parts; uint share; // form 2: how many, and pixels of each
} p;

const bool A_BY_COLUMNS = false, B_BY_COLUMNS = FORM == 2;
#include "matrix-tiles.glsl"

// The tile's pixels (where their images begin in x, row, column, and their place in y, in form 2 in a) and taps (their
// channel, row and column in x, and in form 1 their place in a).  What is far away is outside of every image.
const uint FAR_PIXEL = 0x80000000u, FAR_TAP = 0x40000000u, NONE = 0xffffffffu;
shared uvec4 pixels[FORM == 2 ? DEEP : WIDE];
shared uvec4 taps[FORM == 2 ? WIDE : DEEP];

uint set, row, col, part, last; // group of channels, where the tile begins, part of the pixels, end of the sums

// In form 1 the pixels of a tile have the same remainder by the stride, the phase, so that the same taps meet them:
// those from `first_tap` on, in steps, as many as `met_taps`.
uvec2 phase, first_tap, tap_step, met_taps;

const uvec2 NO_STEPS = uvec2(1);
uvec2 strides() { return uvec2(p.stride_y, p.stride_x); }
uvec2 target() { return FORM == 1 ? uvec2(p.h, p.width) : uvec2(p.oh, p.ow); } // the image that has the pixels
uvec2 source() { return FORM == 1 ? uvec2(p.oh, p.ow) : uvec2(p.h, p.width); } // and that of x
uint area(uvec2 size) { return size.x * size.y; }
uvec2 phases() { return FORM == 1 ? min(strides(), target()) : NO_STEPS; }
uvec2 grid() { return FORM == 1 ? (target() + strides() - 1) / strides() : target(); } // pixels of a phase
uint pixel_count() { return p.batch * area(grid()); }
uint rows() { return FORM == 1 ? p.ins : p.outs; } // of the result's matrix
uint ins() { return FORM == 1 ? p.outs : p.ins; }  // channels of x
uint depth() { return ins() * area(met_taps); }

// The first tap along an axis that meets pixels of a phase, the step to the next one, and how many there are.
uvec3 meeting(uint at, uint size, uint gap, uint step)
{
    uint divisor = step, rest = gap % step;
    while (rest != 0) {
        uint next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    uint apart = step / divisor;
    for (uint k = 0; k < min(apart, size); k++)
        if (k * gap % step == at % step)
            return uvec3(k, apart, (size - k + apart - 1) / apart);
    return uvec3(0, 1, 0);
}

void choose_taps()
{
    first_tap = uvec2(0);
    tap_step = uvec2(1);
    met_taps = uvec2(p.kh, p.kw);
    if (FORM == 1) {
        uvec3 ky = meeting(phase.x + p.pad_y, p.kh, p.gap_y, p.stride_y);
        uvec3 kx = meeting(phase.y + p.pad_x, p.kw, p.gap_x, p.stride_x);
        first_tap = uvec2(ky.x, kx.x);
        tap_step = uvec2(ky.y, kx.y);
        met_taps = uvec2(ky.z, kx.z);
    }
}

void locate_pixels(uint first, uint end, uint count)
{
    uint plane = area(grid());
    for (uint i = gl_LocalInvocationID.x; i < count; i += LOCAL) {
        uint n = first + i, image = n / plane * p.sets + set;
        uvec2 at = uvec2(n % plane / grid().y, n % grid().y) * (FORM == 1 ? strides() : NO_STEPS) + phase;
        uint place = image * (FORM == 1 ? p.ins : p.outs) * area(target()) + at.x * target().y + at.y;
        bool real = n < end && all(lessThan(at, target()));
        if (FORM == 1)
            at = (at + uvec2(p.pad_y, p.pad_x)) / strides();
        else
            at = at * strides() - uvec2(p.pad_y, p.pad_x); // wraps outside
        uint start = BEGIN(x) + image * ins() * area(source());
        pixels[i] = real ? uvec4(start, at, place) : uvec4(BEGIN(x), FAR_PIXEL, FAR_PIXEL, NONE);
    }
}

void locate_taps(uint first, uint count)
{
    uint each = area(met_taps);
    for (uint i = gl_LocalInvocationID.x; i < count; i += LOCAL) {
        uint n = first + i;
        if (n >= depth()) {
            taps[i] = uvec4(0, FAR_TAP, FAR_TAP, 0);
            continue;
        }
        uint channel = n / each;
        uvec2 tap = first_tap + tap_step * uvec2(n % each / met_taps.y, n % met_taps.y);
        uvec2 at = tap * uvec2(p.gap_y, p.gap_x) / (FORM == 1 ? strides() : NO_STEPS);
        uint place = (channel * p.ins * p.kh + tap.x) * p.kw + tap.y;
        taps[i] = uvec4(channel * area(source()), at, place);
    }
}

// What a tap meets for a pixel.
float met(uvec4 pixel, uvec4 tap)
{
    uvec2 at = FORM == 1 ? pixel.yz - tap.yz : pixel.yz + tap.yz;
    return all(lessThan(at, source())) ? x[pixel.x + tap.x + at.x * source().y + at.y] : 0.0;
}

// Row r of the first factor at element k of the sums, number i of this tile.
float factor(uint r, uint k, uint i)
{
    if (r >= rows() || k >= last)
        return 0.0;
    if (FORM == 2)
        return AT(a, pixels[i].w + r * area(target()));
    uint each = p.kh * p.kw;
    return AT(a, set * p.outs * p.ins * each + (FORM == 1 ? taps[i].w + r * each : r * p.ins * each + k));
}

void load(uint k)
{
    if (FORM == 2)
        locate_pixels(k, last, DEEP);
    else
        locate_taps(k, DEEP);
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < TALL * DEEP; i += LOCAL)
        a_tile[i / DEEP * A_APART + i % DEEP] = float16_t(factor(row + i / DEEP, k + i % DEEP, i % DEEP));
    for (uint i = gl_LocalInvocationID.x; i < DEEP * WIDE; i += LOCAL) {
        uint pixel = i % B_LONG, tap = i / B_LONG; // neighbours are pixels in every form
        b_tile[tap * B_APART + pixel] = float16_t(met(pixels[pixel], taps[tap]));
    }
}

void store(uint r, uint q, float value)
{
    r += row;
    if (r >= rows())
        return;
    if (FORM != 2) {
        if (pixels[q].w != NONE)
            AT(y, pixels[q].w + r * area(target())) = value + (BIAS == 1 ? AT(bias, set * rows() + r) : 0.0);
    } else if (col + q < depth())
        AT(y, ((part * p.sets + set) * p.outs + r) * depth() + col + q) = value;
}

void main()
{
    uint columns = FORM == 2 ? p.ins * p.kh * p.kw : pixel_count();
    uint tiles_m = (rows() + TALL - 1) / TALL, tiles_n = (columns + WIDE - 1) / WIDE;
    for (uint i = gl_WorkGroupID.x; i < p.parts * area(phases()) * p.sets * tiles_m * tiles_n; i += groups()) {
        uint rest = i / tiles_n / tiles_m;
        col = i % tiles_n * WIDE;
        row = i / tiles_n % tiles_m * TALL;
        set = rest % p.sets;
        rest /= p.sets;
        phase = uvec2(rest / phases().y % phases().x, rest % phases().y);
        part = rest / area(phases());
        choose_taps();
        barrier(); // the last tile is stored
        if (FORM == 2)
            locate_taps(col, WIDE);
        else
            locate_pixels(col, columns, WIDE);
        uint begin = FORM == 2 ? part * p.share : 0;
        last = FORM == 2 ? min(pixel_count(), begin + p.share) : depth();
        make_tile(begin, last);
    }
}
