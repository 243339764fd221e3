#include "host_delay.hpp"

#include "lanes.hpp"

#include <algorithm>
#include <vector>

namespace grilly {

static const std::int64_t COLUMNS = 2048; // of a tile, at least
static const std::int64_t STRIP = 256;    // columns whose sums stay in a core's cache
static const std::int64_t UNITS = 256;    // results whose sums do
static const std::int64_t CACHE = 1 << 15; // floats of sources that do

static std::int64_t whole(std::int64_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

// A connection's weight, and where its source begins.
struct Tap
{
    float weight;
    const float* from;
};

// to[0 .. n) += the taps, in their order; n is whole lanes.
GRILLY_WIDE static void gather(float* to, std::int64_t n, const Tap* taps, std::int64_t count)
{
    std::int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        Lanes a, b, c, d, v;
        load(a, to + i);
        load(b, to + i + LANES);
        load(c, to + i + 2 * LANES);
        load(d, to + i + 3 * LANES);
        for (std::int64_t k = 0; k < count; k++) {
            const float* from = taps[k].from + i;
            const float w = taps[k].weight;
            load(v, from);
            a += v * w;
            load(v, from + LANES);
            b += v * w;
            load(v, from + 2 * LANES);
            c += v * w;
            load(v, from + 3 * LANES);
            d += v * w;
        }
        store(to + i, a);
        store(to + i + LANES, b);
        store(to + i + 2 * LANES, c);
        store(to + i + 3 * LANES, d);
    }
    for (; i < n; i += LANES) {
        Lanes a, v;
        load(a, to + i);
        for (std::int64_t k = 0; k < count; k++) {
            load(v, taps[k].from + i);
            a += v * taps[k].weight;
        }
        store(to + i, a);
    }
}

// The products of g with up to four others, n whole lanes each.
GRILLY_WIDE static void dots(float* to, const float* g, const float* const* x, std::int64_t n)
{
    Lanes a{}, b{}, c{}, d{}, v, by;
    for (std::int64_t i = 0; i < n; i += LANES) {
        load(by, g + i);
        load(v, x[0] + i);
        a += v * by;
        load(v, x[1] + i);
        b += v * by;
        load(v, x[2] + i);
        c += v * by;
        load(v, x[3] + i);
        d += v * by;
    }
    to[0] = (float)total(a);
    to[1] = (float)total(b);
    to[2] = (float)total(c);
    to[3] = (float)total(d);
}

void HostDelayed::sizes(std::int64_t rows)
{
    steps_ = number(0);
    batch_ = number(1);
    ins_ = number(2);
    outs_ = number(3);
    most_ = number(4);
    real_ = number(5);
    span_ = most_ * batch_;
    tile_ = whole(std::min(std::max(COLUMNS, span_), rows * batch_));
    room_ = tile_ + span_ + LANES;
}

std::int64_t HostDelayed::lag(std::int64_t connection, float& share) const
{
    share = 0;
    if (!real_) {
        std::uint32_t steps; // a negative one is a large one, as in shaders/snn-delay.glsl
        std::memcpy(&steps, d_ + connection, sizeof steps);
        return std::min<std::int64_t>(steps, most_);
    }
    const float delay = d_[connection], inside = delay < 0 ? 0 : delay > most_ ? (float)most_ : delay; // NaN stays
    const std::int64_t steps = inside > 0 ? std::min<std::int64_t>((std::int64_t)inside, most_ - 1) : 0;
    share = inside - (float)steps;
    return steps;
}

void HostDelayed::lay_out(const Rows& rows, std::int64_t first, std::int64_t units, std::int64_t from, std::int64_t width,
                          std::int64_t room, float* to) const
{
    const std::int64_t front = rows.front * batch_, end = front + rows.steps * batch_;
    for (std::int64_t u = 0; u < units; u += LANES) { // a line of the tensor at a time
        const std::int64_t many = std::min(LANES, units - u);
        float* into = to + u * room;
        for (std::int64_t c = 0; c < width; c++) {
            const std::int64_t column = from + c;
            const float* line = column >= front && column < end ? rows.x + (column - front) * rows.units
                                : column < front && rows.past   ? rows.past + column * rows.units
                                                                : nullptr;
            for (std::int64_t k = 0; k < many; k++)
                into[k * room + c] = line ? line[first + u + k] : 0.0f;
        }
    }
}

// ---- the product ----

const HostFace HostDelay::face{
    "host-delay",
    { { "x", true, false },
      { "past", true, false },
      { "w", true, false },
      { "d", true, false },
      { "bias", true, false },
      { "y", false, true } },
    { "steps", "batch", "ins", "outs", "max_delay", "real", "front", "rows", "adjoint", "has_past", "has_bias" },
};

HostDelay::HostDelay(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostDelayed(face, std::move(tensors), std::move(words))
{
    rows_ = number(7);
    sizes(rows_);
    adjoint_ = number(8);
    own_ = adjoint_ ? ins_ : outs_;
    const std::int64_t many = adjoint_ ? outs_ : ins_, front = number(6);
    source_ = { memory(0, steps_ * batch_ * many), number(9) ? memory(1, front * batch_ * many) : nullptr, front, steps_, many };
    w_ = memory(2, outs_ * ins_);
    d_ = memory(3, outs_ * ins_);
    bias_ = number(10) ? memory(4, own_) : nullptr;
    y_ = memory(5, rows_ * batch_ * own_);
}

void HostDelay::run(Host& host) const
{
    host.team.run([&](int member) {
        const auto [first, last] = part(own_, member, host.team.size());
        if (first < last)
            some(host.scratch(member, source_.units * room_ + std::min(UNITS, last - first) * STRIP), first, last);
    });
}

void HostDelay::some(float* scratch, std::int64_t first, std::int64_t last) const
{
    const std::int64_t columns = rows_ * batch_, each = std::clamp<std::int64_t>(CACHE / (STRIP + span_), 4, 32);
    float* sums = scratch + source_.units * room_;
    Tap taps[64];
    for (std::int64_t c = 0; c < columns; c += tile_) {
        const std::int64_t wide = std::min(tile_, columns - c);
        lay_out(source_, 0, source_.units, c, whole(wide) + span_, room_, scratch);
        for (std::int64_t s = 0; s < wide; s += STRIP)
            for (std::int64_t o = first; o < last; o += UNITS) {
                const std::int64_t many = std::min(UNITS, last - o), strip = std::min(STRIP, wide - s), n = whole(strip);
                for (std::int64_t k = 0; k < many; k++)
                    std::fill_n(sums + k * STRIP, n, bias_ ? bias_[o + k] : 0.0f);
                for (std::int64_t j = 0; j < source_.units; j += each)
                    for (std::int64_t k = 0; k < many; k++) {
                        std::int64_t count = 0;
                        for (std::int64_t i = j; i < std::min(j + each, source_.units); i++) {
                            const std::int64_t at = adjoint_ ? i * ins_ + o + k : (o + k) * ins_ + i;
                            float share;
                            const std::int64_t late = lag(at, share);
                            const float* row = scratch + i * room_ + s;
                            taps[count++] = { w_[at] - w_[at] * share, row + (adjoint_ ? late : most_ - late) * batch_ };
                            if (real_)
                                taps[count++] = { w_[at] * share, row + (adjoint_ ? late + 1 : most_ - late - 1) * batch_ };
                        }
                        gather(sums + k * STRIP, n, taps, count);
                    }
                for (std::int64_t k = 0; k < many; k += LANES)
                    for (std::int64_t i = 0; i < strip; i++)
                        for (std::int64_t q = k; q < std::min(k + LANES, many); q++)
                            y_[(c + s + i) * own_ + o + q] = sums[q * STRIP + i];
            }
    }
}

// ---- the gradients of weights and delays ----

const HostFace HostDelayGrad::face{
    "host-delay-grad",
    { { "x", true, false },
      { "past", true, false },
      { "g", true, false },
      { "w", true, false },
      { "d", true, false },
      { "gw", false, true },
      { "gd", false, true } },
    { "steps", "batch", "ins", "outs", "max_delay", "real", "has_past" },
};

HostDelayGrad::HostDelayGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostDelayed(face, std::move(tensors), std::move(words))
{
    sizes(number(0));
    x_ = { memory(0, steps_ * batch_ * ins_), number(6) ? memory(1, most_ * batch_ * ins_) : nullptr, most_, steps_, ins_ };
    g_ = { memory(2, steps_ * batch_ * outs_), nullptr, 0, steps_, outs_ };
    w_ = memory(3, outs_ * ins_);
    d_ = memory(4, outs_ * ins_);
    gw_ = memory(5, outs_ * ins_);
    gd_ = real_ ? memory(6, outs_ * ins_) : nullptr;
}

void HostDelayGrad::run(Host& host) const
{
    host.team.run([&](int member) {
        const auto [first, last] = part(outs_, member, host.team.size());
        if (first < last)
            some(host.scratch(member, ins_ * room_ + (last - first) * (tile_ + LANES)), first, last);
    });
}

void HostDelayGrad::some(float* scratch, std::int64_t first, std::int64_t last) const
{
    const std::int64_t columns = steps_ * batch_, ways = real_ ? 2 : 1;
    const std::int64_t each = std::clamp<std::int64_t>(2 * CACHE / room_, 4, 32) / 4 * 4;
    float* gradients = scratch + ins_ * room_;
    std::vector<double> sums((last - first) * ins_ * ways, 0.0); // of stretches of a tile
    for (std::int64_t c = 0; c < columns; c += tile_) {
        const std::int64_t wide = whole(std::min(tile_, columns - c));
        lay_out(x_, 0, ins_, c, wide + span_, room_, scratch);
        lay_out(g_, first, last - first, c, wide, tile_ + LANES, gradients);
        for (std::int64_t j = 0; j < ins_; j += each)
            for (std::int64_t o = first; o < last; o++) {
                const float *rows[4], *g = gradients + (o - first) * (tile_ + LANES);
                double* into[4];
                std::int64_t filled = 0;
                const auto flush = [&] {
                    float found[4];
                    for (std::int64_t k = filled; k < 4; k++)
                        rows[k] = rows[0];
                    dots(found, g, rows, wide);
                    for (std::int64_t k = 0; k < filled; k++)
                        *into[k] += found[k];
                    filled = 0;
                };
                for (std::int64_t i = j; i < std::min(j + each, ins_); i++) {
                    float share;
                    const std::int64_t late = lag(o * ins_ + i, share);
                    for (std::int64_t way = 0; way < ways; way++) {
                        rows[filled] = scratch + i * room_ + (most_ - late - way) * batch_;
                        into[filled++] = &sums[((o - first) * ins_ + i) * ways + way];
                        if (filled == 4)
                            flush();
                    }
                }
                if (filled)
                    flush();
            }
    }
    for (std::int64_t at = first * ins_; at < last * ins_; at++) {
        const double* sum = &sums[(at - first * ins_) * ways];
        float share;
        lag(at, share);
        gw_[at] = (float)(real_ ? sum[0] + share * (sum[1] - sum[0]) : sum[0]);
        if (real_)
            gd_[at] = (float)(w_[at] * (sum[1] - sum[0]));
    }
}

} // namespace grilly
