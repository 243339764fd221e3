#include "host_squeeze.hpp"

#include "lanes.hpp"

namespace grilly {

const HostFace HostExcite::face{
    "host-excite",
    { { "x", true, false }, { "score", true, false }, { "g", true, false }, { "where", true, false }, { "y", false, true } },
    { "n", "count", "row", "span", "turns", "beside", "whole", "inner", "inner_step", "grad", "across" },
    { "scale" },
};

HostExcite::HostExcite(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , n_(number(0))
  , count_(number(1))
  , row_(number(2))
  , span_(number(3))
  , turns_(number(4))
  , beside_(number(5))
  , whole_(number(6))
  , inner_(number(7))
  , inner_step_(number(8))
  , grad_(number(9))
  , across_(number(10))
  , scale_(factor(0))
{
    x_ = memory(0, n_);
    score_ = memory(1, count_);
    g_ = grad_ ? memory(2, 2 * count_) : nullptr;
    where_ = grad_ ? (const std::uint32_t*)memory(3, count_) : nullptr;
    y_ = memory(4, n_);
}

GRILLY_WIDE static void scaled(float* __restrict y, const float* __restrict x, std::int64_t n, float score)
{
    for (std::int64_t i = 0; i < n; i++)
        y[i] = x[i] * score;
}

GRILLY_WIDE static void moved(float* __restrict y, const float* __restrict x, std::int64_t n, float score, float more)
{
    for (std::int64_t i = 0; i < n; i++)
        y[i] = x[i] * score + more;
}

GRILLY_WIDE static void each_scaled(float* __restrict y, const float* __restrict x, std::int64_t n, const float* score)
{
    for (std::int64_t i = 0; i < n; i++)
        y[i] = x[i] * score[i];
}

GRILLY_WIDE static void each_moved(float* __restrict y, const float* __restrict x, std::int64_t n, const float* score,
                                   const float* mean, float scale, const float* most, const std::uint32_t* where,
                                   std::uint32_t member)
{
    for (std::int64_t i = 0; i < n; i++) {
        const float v = x[i] * score[i] + mean[i] * scale, larger = v + most[i];
        y[i] = where[i] == member ? larger : v;
    }
}

void HostExcite::row(std::int64_t first) const
{
    const std::int64_t group = first / span_ % turns_ * beside_;
    const std::int64_t member = (whole_ ? first / whole_ * inner_ : 0) + first / inner_step_ % inner_;
    float* y = y_ + first;
    const float *x = x_ + first, *score = score_ + group;
    if (across_ && grad_)
        each_moved(y, x, row_, score, g_ + group, scale_, g_ + count_ + group, where_ + group, (std::uint32_t)member);
    else if (across_)
        each_scaled(y, x, row_, score);
    else if (grad_) {
        moved(y, x, row_, *score, g_[group] * scale_);
        const std::int64_t at = (std::int64_t)where_[group] - member;
        if (at >= 0 && at < row_)
            y[at] += g_[count_ + group];
    } else
        scaled(y, x, row_, *score);
}

void HostExcite::run(Host& host) const
{
    host.team.run([&](int member) {
        const auto [first, last] = part(n_ / row_, member, host.team.size());
        for (std::int64_t i = first; i < last; i++)
            row(i * row_);
    });
}

} // namespace grilly
