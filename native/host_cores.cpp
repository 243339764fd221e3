#include "host_cores.hpp"

#include "host_blocks.hpp"

namespace grilly {

static const std::int64_t ROWS = 64; // samples that go through time together: what they have of a step stays in cache

void HostRecurrent::sizes(const float* beta)
{
    rows_ = number(0);
    units_ = number(1);
    steps_ = number(2);
    each_ = number(4);
    n_ = rows_ * units_;
    threshold_ = factor(0);
    beta_ = beta;
}

template<class F>
void HostRecurrent::share(Host& host, F samples) const
{
    // As many blocks as there are members, and more of long batches.
    const std::int64_t members = host.team.size(), blocks = std::max((rows_ + ROWS - 1) / ROWS, std::min(members, rows_));
    Blas::Single single(host.blas);
    host.team.run([&](int member) {
        const auto [first, last] = part(blocks, member, host.team.size());
        if (first == last)
            return;
        float *beta = host.scratch(member, units_ * (2 + rows_ / blocks)), *room = beta + units_;
        for (std::int64_t i = 0; i < units_ && beta_; i++) {
            const float own = beta_[each_ ? i : 0];
            beta[i] = own < 0 ? 0.0f : own > 1 ? 1.0f : own; // NaN stays
        }
        for (std::int64_t block = first; block < last; block++) {
            const auto [from, to] = part(rows_, (int)block, (int)blocks);
            samples(from, to - from, beta_ ? beta : nullptr, room);
        }
    });
}

// ---- forward ----

const HostFace HostCore::face{
    "host-core",
    { { "x", true, false },
      { "before", true, false },
      { "b", true, false },
      { "w", true, false },
      { "y", true, true },
      { "h", false, true },
      { "after", true, true } },
    { "rows", "units", "steps", "leaks", "each", "store_h" },
    { "threshold" },
};

HostCore::HostCore(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostRecurrent(face, std::move(tensors), std::move(words))
{
    sizes(number(3) ? memory(2, number(4) ? number(1) : 1) : nullptr);
    x_ = memory(0, n_ * steps_);
    before_ = memory(1, n_);
    w_ = memory(3, units_ * units_);
    y_ = memory(4, n_ * steps_);
    h_ = number(5) ? memory(5, n_ * steps_) : nullptr;
    after_ = memory(6, n_);
}

GRILLY_WIDE static void fired(float* y, const float* v, std::int64_t n, float threshold)
{
    for (std::int64_t i = 0; i < n; i++)
        y[i] = v[i] - threshold > 0 ? 1.0f : 0.0f;
}

// A step of some samples: v takes up x and what the spikes s sent; `next` (null behind the last step) gets who fires then.
GRILLY_WIDE static void advance(const float* x, const float* sent, const float* s, float* v, float* h, float* next,
                                const float* beta, std::int64_t rows, std::int64_t units, float threshold)
{
    const Lanes none{};
    Lanes one, level;
    fill(one, 1.0f);
    fill(level, threshold);
    for (std::int64_t r = 0; r < rows; r++)
        for (std::int64_t c = 0; c < units; c += LANES) {
            const std::int64_t i = r * units + c, few = units - c;
            Lanes now, drive, more, spikes;
            load_some(now, v + i, few);
            load_some(drive, x + i, few);
            load_some(more, sent + i, few);
            load_some(spikes, s + i, few);
            if (h)
                store_some(h + i, now, few);
            if (beta) {
                Lanes keep;
                load_some(keep, beta + c, few);
                now *= keep;
            }
            now = now + (drive + more) - spikes * level;
            store_some(v + i, now, few);
            if (next) {
                choose(spikes, now - level > none, one, none);
                store_some(next + i, spikes, few);
            }
        }
}

void HostCore::run(Host& host) const
{
    share(host, [&](std::int64_t row, std::int64_t rows, const float* beta, float* sent) {
        const std::int64_t from = row * units_, count = rows * units_;
        float* v = after_ + from;
        std::copy_n(before_ + from, count, v);
        fired(y_ + from, v, count, threshold_);
        for (std::int64_t t = 0; t < steps_; t++) {
            const std::int64_t at = t * n_ + from;
            host.blas.product(false, false, rows, units_, units_, y_ + at, units_, w_, units_, 0.0f, sent, units_);
            advance(x_ + at, sent, y_ + at, v, h_ ? h_ + at : nullptr, t + 1 < steps_ ? y_ + at + n_ : nullptr, beta, rows,
                    units_, threshold_);
        }
    });
}

// ---- and back ----

const HostFace HostCoreGrad::face{
    "host-core-grad",
    { { "h", true, false },
      { "b", true, false },
      { "w", true, false },
      { "gy", true, false },
      { "gafter", true, false },
      { "gx", true, true },
      { "gbefore", false, true },
      { "gb", true, true } },
    { "rows", "units", "steps", "leaks", "each", "has_gy", "has_gafter", "store_b", "kind" },
    { "threshold", "alpha", "beta" },
};

HostCoreGrad::HostCoreGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostRecurrent(face, std::move(tensors), std::move(words))
  , slope_{ number(8), factor(1), factor(2) }
{
    sizes(number(3) ? memory(1, number(4) ? number(1) : 1) : nullptr);
    h_ = memory(0, n_ * steps_);
    w_ = memory(2, units_ * units_);
    gy_ = number(5) ? memory(3, n_ * steps_) : nullptr;
    gafter_ = number(6) ? memory(4, n_) : nullptr;
    gx_ = memory(5, n_ * steps_);
    gbefore_ = memory(6, n_);
    gb_ = number(7) ? memory(7, n_) : nullptr;
}

// A step back of some samples: from g of the potential after it to `to`, that before it.
GRILLY_WIDE static void retreat(const float* h, const float* gy, const float* sent, const float* g, float* to, float* gb,
                                const float* beta, std::int64_t rows, std::int64_t units, float threshold, const HostSlope& of)
{
    const Lanes none{};
    Lanes level;
    fill(level, threshold);
    for (std::int64_t r = 0; r < rows; r++)
        for (std::int64_t c = 0; c < units; c += LANES) {
            const std::int64_t i = r * units + c, few = units - c;
            Lanes v, back, spike, more, slope;
            load_some(v, h + i, few);
            load_some(back, g + i, few);
            load_some(spike, sent + i, few);
            if (gy) {
                load_some(more, gy + i, few);
                spike += more;
            }
            if (gb) {
                Lanes sum;
                load_some(sum, gb + i, few);
                store_some(gb + i, sum + back * v, few);
            }
            surrogate(slope, v - level, of);
            spike = spike - level * back;
            Lanes through = spike * slope;
            choose(through, slope == none, none, through); // 0, not NaN, where v overflowed
            if (beta) {
                Lanes keep;
                load_some(keep, beta + c, few);
                back *= keep;
            }
            store_some(to + i, back + through, few);
        }
}

void HostCoreGrad::run(Host& host) const
{
    share(host, [&](std::int64_t row, std::int64_t rows, const float* beta, float* sent) {
        const std::int64_t from = row * units_, count = rows * units_;
        float *g = gx_ + (steps_ - 1) * n_ + from, *gb = gb_ ? gb_ + from : nullptr;
        begin(g, gafter_, from, count);
        if (gb)
            std::fill_n(gb, count, 0.0f);
        for (std::int64_t t = steps_; t-- > 0;) {
            const std::int64_t at = t * n_ + from;
            host.blas.product(false, true, rows, units_, units_, gx_ + at, units_, w_, units_, 0.0f, sent, units_);
            retreat(h_ + at, gy_ ? gy_ + at : nullptr, sent, gx_ + at, t ? gx_ + at - n_ : gbefore_ + from, gb, beta, rows,
                    units_, threshold_, slope_);
        }
        for (std::int64_t r = 0; r < rows && gb && beta_; r++)
            for (std::int64_t c = 0; c < units_; c++) {
                const float own = beta_[each_ ? c : 0];
                gb[r * units_ + c] *= own >= 0 && own <= 1 ? 1.0f : 0.0f; // beyond [0, 1] beta does nothing
            }
    });
}

} // namespace grilly
