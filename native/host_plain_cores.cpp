#include "host_plain_cores.hpp"

#include "host_blocks.hpp"

namespace grilly {

static const std::int64_t BLOCK = 1024; // neurons, a multiple of the lanes

void HostPlain::sizes()
{
    model_ = number(0);
    n_ = number(1);
    steps_ = number(2);
    units_ = number(3);
    last_ = number(4);
    each_b_ = number(5);
    each_c_ = number(6);
    two_ = model_ == ALIF || model_ == CUBA;
    threshold_ = factor(0);
}

void HostPlain::spread(float* to, const float* constant, bool each, std::int64_t at, std::int64_t n) const
{
    for (std::int64_t i = 0; i < n; i++) {
        const float own = constant[each ? (at + i) % units_ : 0];
        to[i] = own < 0 ? 0.0f : own > 1 ? 1.0f : own;
    }
}

template<class F>
void HostPlain::pieces(std::int64_t at, std::int64_t n, F piece) const
{
    if (!two_) {
        piece(0, at, n);
        return;
    }
    for (std::int64_t i = 0; i < n;) {
        const std::int64_t within = (at + i) % last_, more = std::min(n - i, last_ - within);
        piece(i, (at + i) / last_ * 2 * last_ + within, more);
        i += more;
    }
}

// ---- forward ----

const HostFace HostPlainCore::face{
    "host-plain-core",
    { { "x", true, false },
      { "before", true, false },
      { "b", true, false },
      { "c", true, false },
      { "y", true, true },
      { "h", false, true },
      { "u", false, true },
      { "after", true, true } },
    { "model", "n", "steps", "units", "last", "each_b", "each_c", "store_h", "store_u" },
    { "threshold" },
};

HostPlainCore::HostPlainCore(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostPlain(face, std::move(tensors), std::move(words))
{
    sizes();
    x_ = memory(0, n_ * steps_);
    before_ = memory(1, two_ ? 2 * n_ : n_);
    b_ = model_ == IF ? nullptr : memory(2, each_b_ ? units_ : 1);
    c_ = two_ ? memory(3, each_c_ ? units_ : 1) : nullptr;
    y_ = memory(4, n_ * steps_);
    h_ = number(7) ? memory(5, n_ * steps_) : nullptr;
    u_ = number(8) ? memory(6, n_ * steps_) : nullptr;
    after_ = memory(7, two_ ? 2 * n_ : n_);
}

// A step of a block: the states v and u take up x; y is who fired before, or what is shown.
struct HostPlainCore::Block
{
    std::int64_t model;
    float threshold;
    const float *x, *beta, *second;
    float *v, *u, *y, *h, *kept;
};

GRILLY_WIDE void HostPlainCore::advance(const Block& of, std::int64_t n)
{
    const Lanes none{};
    Lanes one, level, beta{}, second{}, other{};
    fill(one, 1.0f);
    for (std::int64_t i = 0; i < n; i += LANES) {
        const std::int64_t few = n - i;
        Lanes now, drive, next, fired;
        load(now, of.v + i);
        load_some(drive, of.x + i, few);
        fill(level, of.threshold);
        if (of.beta)
            load(beta, of.beta + i);
        if (of.second) {
            load(second, of.second + i);
            load(other, of.u + i);
            if (of.kept)
                store_some(of.kept + i, other, few);
        }
        if (of.h)
            store_some(of.h + i, now, few);
        if (of.model == ALIF)
            level += other;
        choose(fired, now - level > none, one, none);
        switch (of.model) {
            case IF:
                next = now + drive - fired * level;
                break;
            case LI:
                next = beta * now + drive;
                fired = next;
                break;
            case CUBA:
                other = second * other + drive;
                next = beta * (now - fired * level) + other;
                break;
            default:
                next = beta * now + drive - fired * level;
                other = second * other + (one - second) * fired;
        }
        store(of.v + i, next);
        if (of.second)
            store(of.u + i, other);
        store_some(of.y + i, fired, few);
    }
}

void HostPlainCore::run(Host& host) const
{
    in_blocks(host, n_, BLOCK, [&](int member, std::int64_t from, std::int64_t n) {
        float *v = host.scratch(member, 4 * BLOCK), *u = v + BLOCK, *beta = u + BLOCK, *second = beta + BLOCK;
        std::fill_n(v, 4 * BLOCK, 0.0f);
        pieces(from, n, [&](std::int64_t i, std::int64_t at, std::int64_t more) {
            std::copy_n(before_ + at, more, v + i);
            if (two_)
                std::copy_n(before_ + at + last_, more, u + i);
        });
        if (b_)
            spread(beta, b_, each_b_, from, n);
        if (c_)
            spread(second, c_, each_c_, from, n);
        for (std::int64_t t = 0; t < steps_; t++) {
            const std::int64_t at = t * n_ + from;
            advance({ model_, threshold_, x_ + at, b_ ? beta : nullptr, c_ ? second : nullptr, v, u, y_ + at,
                      h_ ? h_ + at : nullptr, u_ ? u_ + at : nullptr },
                    n);
        }
        pieces(from, n, [&](std::int64_t i, std::int64_t at, std::int64_t more) {
            std::copy_n(v + i, more, after_ + at);
            if (two_)
                std::copy_n(u + i, more, after_ + at + last_);
        });
    });
}

// ---- and back ----

const HostFace HostPlainCoreGrad::face{
    "host-plain-core-grad",
    { { "h", true, false },
      { "u", true, false },
      { "b", true, false },
      { "c", true, false },
      { "gy", true, false },
      { "gafter", true, false },
      { "gx", false, true },
      { "gbefore", false, true },
      { "gb", false, true },
      { "gc", false, true } },
    { "model", "n", "steps", "units", "last", "each_b", "each_c", "has_h", "has_u", "has_gy", "has_gafter", "store_b",
      "store_c", "kind" },
    { "threshold", "alpha", "beta" },
};

HostPlainCoreGrad::HostPlainCoreGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostPlain(face, std::move(tensors), std::move(words))
  , slope_{ number(13), factor(1), factor(2) }
{
    sizes();
    const std::int64_t state = two_ ? 2 * n_ : n_;
    h_ = number(7) ? memory(0, n_ * steps_) : nullptr;
    u_ = number(8) ? memory(1, n_ * steps_) : nullptr;
    b_ = model_ == IF ? nullptr : memory(2, each_b_ ? units_ : 1);
    c_ = two_ ? memory(3, each_c_ ? units_ : 1) : nullptr;
    gy_ = number(9) ? memory(4, n_ * steps_) : nullptr;
    gafter_ = number(10) ? memory(5, state) : nullptr;
    gx_ = memory(6, n_ * steps_);
    gbefore_ = memory(7, state);
    gb_ = number(11) ? memory(8, n_) : nullptr;
    gc_ = number(12) ? memory(9, n_) : nullptr;
}

// A step back of a block: g and a are the gradients of v and u; sums of those of the constants are null if not wanted.
struct HostPlainCoreGrad::Block
{
    std::int64_t model;
    float threshold;
    const HostSlope& slope;
    const float *h, *u, *gy, *beta, *second;
    float *g, *a, *gx, *sum_b, *sum_c;
};

GRILLY_INLINE static void add_to(float* sums, const Lanes& more)
{
    Lanes sum;
    load(sum, sums);
    store(sums, sum + more);
}

GRILLY_WIDE void HostPlainCoreGrad::retreat(const Block& of, std::int64_t n)
{
    const Lanes none{};
    Lanes one;
    fill(one, 1.0f);
    for (std::int64_t i = 0; i < n; i += LANES) {
        const std::int64_t few = n - i;
        Lanes v{}, other{}, out{}, back, a{}, beta{}, second{}, level, fired, slope, spike{};
        if (of.h)
            load_some(v, of.h + i, few);
        if (of.u)
            load_some(other, of.u + i, few);
        if (of.gy)
            load_some(out, of.gy + i, few);
        load(back, of.g + i);
        if (of.beta)
            load(beta, of.beta + i);
        if (of.second) {
            load(second, of.second + i);
            load(a, of.a + i);
        }
        if (of.model == LI) {
            back += out;
            store_some(of.gx + i, back, few);
            if (of.sum_b)
                add_to(of.sum_b + i, back * v);
            store(of.g + i, back * beta);
            continue;
        }
        fill(level, of.threshold);
        if (of.model == ALIF)
            level += other;
        choose(fired, v - level > none, one, none);
        surrogate(slope, v - level, of.slope);
        Lanes total = back; // of all that the input reaches
        if (of.model == CUBA)
            total = a + back;
        store_some(of.gx + i, total, few);
        if (of.sum_b)
            add_to(of.sum_b + i, back * (of.model == CUBA ? v - fired * level : v));
        if (of.sum_c)
            add_to(of.sum_c + i, of.model == CUBA ? total * other : a * (other - fired));
        if (of.model == ALIF)
            spike = a * (one - second) - level * back;
        else
            spike = of.model == CUBA ? -(level * beta * back) : -(level * back);
        spike += out;
        Lanes through = spike * slope;
        choose(through, slope == none, none, through); // 0, not NaN, where v overflowed
        if (of.model == ALIF)
            store(of.a + i, a * second - fired * back - through);
        else if (of.model == CUBA)
            store(of.a + i, total * second);
        if (of.beta)
            back *= beta;
        store(of.g + i, back + through);
    }
}

// Beyond [0, 1] a constant does nothing.
void HostPlainCoreGrad::finish(float* to, const float* sums, const float* constant, bool each, std::int64_t at,
                               std::int64_t n) const
{
    for (std::int64_t i = 0; i < n; i++) {
        const float own = constant[each ? (at + i) % units_ : 0];
        to[at + i] = sums[i] * (own >= 0 && own <= 1 ? 1.0f : 0.0f);
    }
}

void HostPlainCoreGrad::run(Host& host) const
{
    in_blocks(host, n_, BLOCK, [&](int member, std::int64_t from, std::int64_t n) {
        float *g = host.scratch(member, 6 * BLOCK), *a = g + BLOCK, *beta = a + BLOCK, *second = beta + BLOCK;
        float *sum_b = second + BLOCK, *sum_c = sum_b + BLOCK;
        std::fill_n(g, 6 * BLOCK, 0.0f);
        pieces(from, n, [&](std::int64_t i, std::int64_t at, std::int64_t more) {
            if (gafter_)
                std::copy_n(gafter_ + at, more, g + i);
            if (gafter_ && two_)
                std::copy_n(gafter_ + at + last_, more, a + i);
        });
        if (b_)
            spread(beta, b_, each_b_, from, n);
        if (c_)
            spread(second, c_, each_c_, from, n);
        for (std::int64_t t = steps_; t-- > 0;) {
            const std::int64_t at = t * n_ + from;
            retreat({ model_, threshold_, slope_, h_ ? h_ + at : nullptr, u_ ? u_ + at : nullptr, gy_ ? gy_ + at : nullptr,
                      b_ ? beta : nullptr, c_ ? second : nullptr, g, a, gx_ + at, gb_ ? sum_b : nullptr,
                      gc_ ? sum_c : nullptr },
                    n);
        }
        pieces(from, n, [&](std::int64_t i, std::int64_t at, std::int64_t more) {
            std::copy_n(g + i, more, gbefore_ + at);
            if (two_)
                std::copy_n(a + i, more, gbefore_ + at + last_);
        });
        if (gb_)
            finish(gb_, sum_b, b_, each_b_, from, n);
        if (gc_)
            finish(gc_, sum_c, c_, each_c_, from, n);
    });
}

} // namespace grilly
