#include "host_calls.hpp"
#include "lanes.hpp"

#include <algorithm>

namespace grilly {

// ---- Hebbian ----

const HostFace HostHebbian::face{
    "host-hebbian",
    { { "w", true, true }, { "pre", true, false }, { "post", true, false }, { "base", true, false } },
    { "ins", "outs", "n", "oja", "pieces" },
    { "rate", "shrink" },
};

HostHebbian::HostHebbian(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , ins_(number(0))
  , outs_(number(1))
  , n_(number(2))
  , oja_(number(3))
  , rate_(factor(0))
  , shrink_(factor(1))
{
    w_ = memory(0, outs_ * ins_);
    pre_ = memory(1, n_ * ins_);
    post_ = memory(2, n_ * outs_);
    base_ = number(4) ? memory(3, outs_ * ins_) : w_;
}

void HostHebbian::run(Host& host) const
{
    if (oja_ || shrink_ != 0) {
        float* power = host.scratch(0, outs_);
        std::fill(power, power + outs_, 0.0f);
        for (std::int64_t k = 0; oja_ && k < n_; k++)
            for (std::int64_t o = 0; o < outs_; o++)
                power[o] += post_[k * outs_ + o] * post_[k * outs_ + o];
        for (std::int64_t o = 0; o < outs_; o++) {
            const float loss = rate_ * power[o] + shrink_;
            for (std::int64_t at = o * ins_; at < (o + 1) * ins_; at++)
                w_[at] -= loss * base_[at];
        }
    }
    host.blas.product(true, false, outs_, ins_, n_, post_, outs_, pre_, ins_, 1.0f, w_, ins_, rate_);
}

// ---- pair STDP ----

const HostFace HostStdp::face{
    "host-stdp",
    { { "w", true, true }, { "pre", true, false }, { "post", true, false }, { "trace", true, false } },
    { "ins", "outs", "batch", "first", "steps" },
    { "plus", "minus", "low", "high" },
};

// Bytes of the rows of weights that a member takes through all steps: they stay in a core's cache.
static const std::int64_t BAND = 1 << 17;

HostStdp::HostStdp(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , ins_(number(0))
  , outs_(number(1))
  , batch_(number(2))
  , steps_(number(4))
  , plus_(factor(0))
  , minus_(factor(1))
  , low_(factor(2))
  , high_(factor(3))
{
    const std::int64_t first = number(3), last = first + steps_;
    w_ = memory(0, outs_ * ins_);
    pre_ = memory(1, last * batch_ * ins_) + first * batch_ * ins_;
    post_ = memory(2, last * batch_ * outs_) + first * batch_ * outs_;
    trace_ = memory(3, steps_ * batch_ * (ins_ + outs_));
}

void HostStdp::run(Host& host) const
{
    const std::int64_t rows = std::clamp<std::int64_t>(BAND / (4 * ins_) / 16 * 16, 16, 256);
    const std::int64_t bands = (outs_ + rows - 1) / rows;
    Blas::Single single(host.blas);
    host.team.run([&](int member) {
        const auto [first, last] = part(bands, member, host.team.size());
        for (std::int64_t band = first; band < last; band++)
            learn(host.blas, band * rows, std::min(outs_, (band + 1) * rows));
    });
}

// One step of one sample: each weight is read and written once.
GRILLY_WIDE static void learn_one(float* __restrict w, const float* __restrict trace, const float* __restrict pre,
                                  std::int64_t ins, float up, float down, float low, float high)
{
    for (std::int64_t i = 0; i < ins; i++) {
        float v = (w[i] + up * trace[i]) - down * pre[i];
        v = v < low ? low : v; // NaN stays
        w[i] = v > high ? high : v;
    }
}

void HostStdp::learn(const Blas& blas, std::int64_t first, std::int64_t last) const
{
    const float* post_trace = trace_ + steps_ * batch_ * ins_;
    float *w = w_ + first * ins_, *end = w_ + last * ins_;
    for (std::int64_t t = 0; t < steps_; t++) {
        const std::int64_t row = t * batch_;
        if (batch_ == 1) {
            for (std::int64_t o = first; o < last; o++)
                learn_one(w + (o - first) * ins_, trace_ + t * ins_, pre_ + t * ins_, ins_, plus_ * post_[t * outs_ + o],
                          minus_ * post_trace[t * outs_ + o], low_, high_);
            continue;
        }
        blas.product(true, false, last - first, ins_, batch_, post_ + row * outs_ + first, outs_, trace_ + row * ins_, ins_,
                     1.0f, w, ins_, plus_);
        blas.product(true, false, last - first, ins_, batch_, post_trace + row * outs_ + first, outs_, pre_ + row * ins_,
                     ins_, 1.0f, w, ins_, -minus_);
        for (float* one = w; one < end; one++) { // NaN stays
            const float v = *one < low_ ? low_ : *one;
            *one = v > high_ ? high_ : v;
        }
    }
}

} // namespace grilly
