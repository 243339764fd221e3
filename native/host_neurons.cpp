#include "host_neurons.hpp"

#include "host_blocks.hpp"
#include "lanes.hpp"

namespace grilly {

static const std::int64_t BLOCK = 2048; // neurons that go through all steps together, a multiple of the lanes

const HostFace HostLif::face{
    "host-lif",
    { { "x", true, false }, { "v", true, true }, { "hold", true, true }, { "s", false, true } },
    { "n", "steps", "hold_steps", "refractory" },
    { "decay", "gain", "rest", "threshold", "reset" },
};

HostLif::HostLif(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , n_(number(0))
  , steps_(number(1))
  , c_{ (std::int32_t)number(2), factor(0), factor(1), factor(2), factor(3), factor(4) }
{
    x_ = memory(0, n_ * steps_);
    v_ = memory(1, n_);
    hold_ = number(3) ? (std::int32_t*)memory(2, n_) : nullptr;
    s_ = memory(3, n_ * steps_);
}

// A step of sixteen neurons.
GRILLY_INLINE void lif_step(const float* x, float* v, std::int32_t* hold, float* s, const HostLif::Constants& c)
{
    Lanes drive, now, reset, one, none{};
    fill(reset, c.reset);
    fill(one, 1.0f);
    load(drive, x);
    load(now, v);
    now = (c.rest + (now - c.rest) * c.decay) + drive * c.gain;
    LaneMask fired = now >= c.threshold;
    if (hold) {
        LaneMask held;
        std::memcpy(&held, hold, sizeof held);
        const LaneMask listening = held == 0;
        fired &= listening;
        choose(now, listening, now, reset);
        held += ~listening; // one less where they are held
        held = (fired & c.hold_steps) | (~fired & held);
        std::memcpy(hold, &held, sizeof held);
    }
    choose(now, fired, reset, now);
    store(v, now);
    choose(now, fired, one, none);
    store(s, now);
}

GRILLY_WIDE static void lif(const float* x, float* v, std::int32_t* hold, float* s, std::int64_t n, std::int64_t steps,
                            std::int64_t apart, const HostLif::Constants& c)
{
    if (hold)
        for (std::int64_t t = 0; t < steps; t++)
            for (std::int64_t i = 0; i < n; i += LANES)
                lif_step(x + t * apart + i, v + i, hold + i, s + t * apart + i, c);
    else
        for (std::int64_t t = 0; t < steps; t++)
            for (std::int64_t i = 0; i < n; i += LANES)
                lif_step(x + t * apart + i, v + i, nullptr, s + t * apart + i, c);
}

void HostLif::run(Host& host) const
{
    in_blocks(host, n_, BLOCK, [&](int, std::int64_t from, std::int64_t n) {
        const std::int64_t whole = n / LANES * LANES;
        lif(x_ + from, v_ + from, hold_ ? hold_ + from : nullptr, s_ + from, whole, steps_, n_, c_);
        if (whole < n)
            rest(from + whole, n - whole);
    });
}

// The last few, copied to whole lanes and back.
void HostLif::rest(std::int64_t at, std::int64_t n) const
{
    const std::int64_t few = n * (std::int64_t)sizeof(float);
    float x[LANES]{}, v[LANES]{}, s[LANES];
    std::int32_t hold[LANES]{};
    std::memcpy(v, v_ + at, few);
    if (hold_)
        std::memcpy(hold, hold_ + at, few);
    for (std::int64_t t = 0; t < steps_; t++) {
        std::memcpy(x, x_ + t * n_ + at, few);
        lif(x, v, hold_ ? hold : nullptr, s, LANES, 1, LANES, c_);
        std::memcpy(s_ + t * n_ + at, s, few);
    }
    std::memcpy(v_ + at, v, few);
    if (hold_)
        std::memcpy(hold_ + at, hold, few);
}

// ---- exponential filters ----

const HostFace HostFilter::face{
    "host-filter",
    { { "x", true, false }, { "start", true, false }, { "y", true, true }, { "end", false, true } },
    { "n", "steps", "started" },
    { "decay" },
};

HostFilter::HostFilter(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , n_(number(0))
  , steps_(number(1))
  , decay_(factor(0))
{
    x_ = memory(0, n_ * steps_);
    start_ = number(2) ? memory(1, n_) : nullptr;
    y_ = memory(2, n_ * steps_);
    end_ = memory(3, n_);
}

GRILLY_WIDE static void filter(float* __restrict y, const float* __restrict x, float* __restrict state, std::int64_t n,
                               float decay)
{
    for (std::int64_t i = 0; i < n; i++)
        y[i] = state[i] = state[i] * decay + x[i];
}

void HostFilter::run(Host& host) const
{
    in_blocks(host, n_, BLOCK, [&](int, std::int64_t at, std::int64_t n) {
        begin(end_ + at, start_, at, n);
        for (std::int64_t t = 0; t < steps_; t++)
            filter(y_ + t * n_ + at, x_ + t * n_ + at, end_ + at, n, decay_);
    });
}

const HostFace HostFilterGrad::face{
    "host-filter-grad",
    { { "gy", true, false }, { "gend", true, false }, { "gx", false, true }, { "gstart", true, true } },
    { "n", "steps", "has_gy", "has_gend" },
    { "decay" },
};

HostFilterGrad::HostFilterGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , n_(number(0))
  , steps_(number(1))
  , decay_(factor(0))
{
    gy_ = number(2) ? memory(0, n_ * steps_) : nullptr;
    end_ = number(3) ? memory(1, n_) : nullptr;
    gx_ = memory(2, n_ * steps_);
    start_ = memory(3, n_);
}

GRILLY_WIDE static void filter_back(float* __restrict gx, const float* __restrict gy, float* __restrict later,
                                    std::int64_t n, float decay)
{
    if (gy)
        for (std::int64_t i = 0; i < n; i++) {
            gx[i] = later[i] + gy[i];
            later[i] = gx[i] * decay;
        }
    else
        for (std::int64_t i = 0; i < n; i++) {
            gx[i] = later[i];
            later[i] = gx[i] * decay;
        }
}

void HostFilterGrad::run(Host& host) const
{
    in_blocks(host, n_, BLOCK, [&](int, std::int64_t at, std::int64_t n) {
        begin(start_ + at, end_, at, n);
        for (std::int64_t t = steps_; t-- > 0;)
            filter_back(gx_ + t * n_ + at, gy_ ? gy_ + t * n_ + at : nullptr, start_ + at, n, decay_);
    });
}

} // namespace grilly
