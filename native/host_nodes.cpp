#include "host_nodes.hpp"

#include "host_blocks.hpp"
#include "host_surrogate.hpp"

namespace grilly {

static const std::int64_t BLOCK = 1024; // neurons that go through all steps together, a multiple of the lanes

GRILLY_INLINE void fires(LaneMask& to, const Lanes& z, bool strict)
{
    const Lanes none{};
    to = strict ? z > none : z >= none;
}

// ---- forward ----

const HostFace HostNode::face{
    "host-node",
    { { "x", true, false },
      { "v0", true, false },
      { "table", true, false },
      { "scale", true, false },
      { "s", false, true },
      { "h", false, true },
      { "v", false, true } },
    { "n", "steps", "inner", "channels", "norm", "scaled", "given", "leaks", "decay_input", "hard", "strict", "store_s",
      "store_h" },
    { "k", "rest", "threshold", "reset", "v_init" },
};

HostNode::HostNode(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , n_(number(0))
  , steps_(number(1))
  , inner_(number(2))
  , channels_(number(3))
  , norm_(number(4))
  , c_{ (bool)number(7), (bool)number(8), (bool)number(9), (bool)number(10), factor(0), factor(1), factor(2), factor(3) }
  , v_init_(factor(4))
{
    x_ = memory(0, n_ * steps_);
    v0_ = number(6) ? memory(1, n_) : nullptr;
    table_ = norm_ ? memory(2, 4 * channels_ * (norm_ == 2 ? steps_ : 1)) : nullptr;
    scale_ = number(5) ? memory(3, steps_) : nullptr;
    s_ = number(11) ? memory(4, n_ * steps_) : nullptr;
    h_ = number(12) ? memory(5, n_ * steps_) : nullptr;
    v_ = memory(6, n_);
}

// A step of n neurons, whole lanes; `norm` has (base, mean, gain, bias), BLOCK of each, or is null.
GRILLY_WIDE static void advance(const float* x, float* v, const float* norm, float scale, float* s, float* h, std::int64_t n,
                                const NodeConstants& c)
{
    Lanes rest, k, threshold, reset, one, times;
    const Lanes none{};
    fill(rest, c.rest);
    fill(k, c.k);
    fill(threshold, c.threshold);
    fill(reset, c.reset);
    fill(one, 1.0f);
    fill(times, scale);
    for (std::int64_t i = 0; i < n; i += LANES) {
        Lanes own, now, z, line;
        load(own, x + i);
        load(now, v + i);
        if (norm) {
            load(line, norm + i);
            own -= line;
            load(line, norm + BLOCK + i);
            own -= line;
            load(line, norm + 2 * BLOCK + i);
            own *= line;
            load(line, norm + 3 * BLOCK + i);
            own = (own + line) * times;
        }
        if (!c.leaks)
            now = now + own;
        else if (c.decay_input)
            now = now + (own - (now - rest)) * k;
        else
            now = now - (now - rest) * k + own;
        if (h)
            store(h + i, now);
        z = now - threshold;
        LaneMask fired;
        fires(fired, z, c.strict);
        choose(now, fired, c.hard ? reset : z, now);
        store(v + i, now);
        choose(z, fired, one, none);
        if (s)
            store(s + i, z);
    }
}

// The table's four numbers apart: one array of all lines for each.
void HostNode::lines(float* to) const
{
    const std::int64_t all = channels_ * (norm_ == 2 ? steps_ : 1);
    for (std::int64_t c = 0; c < all; c++)
        for (std::int64_t k = 0; k < 4; k++)
            to[k * all + c] = table_[4 * c + k];
}

// Each of the four numbers for n neurons from `first` on.
void HostNode::spread(float* to, const float* lines, std::int64_t first, std::int64_t n) const
{
    const std::int64_t all = channels_ * (norm_ == 2 ? steps_ : 1);
    for (std::int64_t i = 0; i < n;) {
        const std::int64_t at = first + i, channel = at / inner_ % channels_;
        const std::int64_t more = std::min(n - i, inner_ == 1 ? channels_ - channel : inner_ - at % inner_);
        for (std::int64_t k = 0; k < 4; k++)
            if (inner_ == 1)
                std::copy_n(lines + k * all + channel, more, to + k * BLOCK + i);
            else
                std::fill_n(to + k * BLOCK + i, more, lines[k * all + channel]);
        i += more;
    }
}

void HostNode::run(Host& host) const
{
    const std::int64_t all = norm_ ? channels_ * (norm_ == 2 ? steps_ : 1) : 0;
    std::vector<float> apart(4 * all);
    if (norm_)
        lines(apart.data());
    in_blocks(host, n_, BLOCK, [&](int member, std::int64_t from, std::int64_t n) {
        float *v = host.scratch(member, 5 * BLOCK), *norm = norm_ ? v + BLOCK : nullptr;
        const std::int64_t whole = n / LANES * LANES, few = n - whole;
        begin(v, v0_, from, n, v_init_);
        for (std::int64_t t = 0; t < steps_; t++) {
            if (norm && (t == 0 || norm_ == 2))
                spread(norm, apart.data() + (norm_ == 2 ? t * channels_ : 0), from, n);
            const std::int64_t at = t * n_ + from;
            const float scale = scale_ ? scale_[t] : 1.0f;
            advance(x_ + at, v, norm, scale, s_ ? s_ + at : nullptr, h_ ? h_ + at : nullptr, whole, c_);
            if (few == 0)
                continue;
            float x[LANES]{}, s[LANES], h[LANES];
            std::copy_n(x_ + at + whole, few, x);
            advance(x, v + whole, norm ? norm + whole : nullptr, scale, s, h, LANES, c_);
            if (s_)
                std::copy_n(s, few, s_ + at + whole);
            if (h_)
                std::copy_n(h, few, h_ + at + whole);
        }
        std::copy_n(v, n, v_ + from);
    });
}

// ---- and back ----

const HostFace HostNodeGrad::face{
    "host-node-grad",
    { { "h", true, false },
      { "gs", true, false },
      { "gend", true, false },
      { "gx", false, true },
      { "gv", false, true } },
    { "n", "steps", "has_gs", "has_gend", "leaks", "decay_input", "hard", "strict", "detach", "kind" },
    { "k", "threshold", "reset", "alpha", "beta" },
};

HostNodeGrad::HostNodeGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , n_(number(0))
  , steps_(number(1))
  , c_{ (bool)number(4), (bool)number(5), (bool)number(6), (bool)number(7), factor(0), 0.0f, factor(1), factor(2) }
  , detach_(number(8))
  , slope_{ number(9), factor(3), factor(4) }
{
    h_ = memory(0, n_ * steps_);
    gs_ = number(2) ? memory(1, n_ * steps_) : nullptr;
    gend_ = number(3) ? memory(2, n_) : nullptr;
    gx_ = memory(3, n_ * steps_);
    gv_ = memory(4, n_);
}

GRILLY_WIDE static void retreat(const float* h, const float* gs, float* g, float* gx, std::int64_t n, bool detach,
                                const NodeConstants& c, const HostSlope& of)
{
    Lanes threshold, reset;
    const Lanes none{};
    fill(threshold, c.threshold);
    fill(reset, c.reset);
    const float of_x = c.leaks && c.decay_input ? c.k : 1.0f, of_v = c.leaks ? 1.0f - c.k : 1.0f;
    for (std::int64_t i = 0; i < n; i += LANES) {
        Lanes now, back, spike{}, slope;
        load(now, h + i);
        load(back, g + i);
        if (gs)
            load(spike, gs + i);
        const Lanes z = now - threshold;
        LaneMask fired;
        fires(fired, z, c.strict);
        surrogate(slope, z, of);
        if (!detach)
            spike += back * (c.hard ? reset - now : -threshold);
        Lanes through = spike * slope;
        choose(through, slope == none, none, through); // 0, not NaN, where h overflowed
        if (c.hard)
            choose(back, fired, none, back);
        back += through;
        store(gx + i, back * of_x);
        store(g + i, back * of_v);
    }
}

void HostNodeGrad::run(Host& host) const
{
    in_blocks(host, n_, BLOCK, [&](int member, std::int64_t from, std::int64_t n) {
        float* g = host.scratch(member, BLOCK);
        const std::int64_t whole = n / LANES * LANES, few = n - whole;
        begin(g, gend_, from, n);
        for (std::int64_t t = steps_; t-- > 0;) {
            const std::int64_t at = t * n_ + from;
            retreat(h_ + at, gs_ ? gs_ + at : nullptr, g, gx_ + at, whole, detach_, c_, slope_);
            if (few == 0)
                continue;
            float h[LANES]{}, gs[LANES]{}, gx[LANES];
            std::copy_n(h_ + at + whole, few, h);
            if (gs_)
                std::copy_n(gs_ + at + whole, few, gs);
            retreat(h, gs_ ? gs : nullptr, g + whole, gx, LANES, detach_, c_, slope_);
            std::copy_n(gx, few, gx_ + at + whole);
        }
        std::copy_n(g, n, gv_ + from);
    });
}

} // namespace grilly
