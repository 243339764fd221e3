#include "host_calls.hpp"

#include <algorithm>

namespace grilly {

// Multiplications of one product from which several threads share it; of a stack of smaller ones, each takes one.
static const std::int64_t SHARED = 1 << 22;

const HostFace HostProduct::face{
    "host-product",
    { { "a", true, false }, { "b", true, false }, { "bias", true, false }, { "c", false, true } },
    { "form", "biased", "batch", "m", "n", "k", "a_batch", "b_batch" },
};

HostProduct::HostProduct(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , form_(number(0))
  , batch_(number(2))
  , m_(number(3))
  , n_(number(4))
  , k_(number(5))
  , a_batch_(number(6))
  , b_batch_(number(7))
{
    a_ = memory(0, (batch_ - 1) * a_batch_ + m_ * k_);
    b_ = memory(1, (batch_ - 1) * b_batch_ + k_ * n_);
    bias_ = number(1) ? memory(2, n_) : nullptr;
    c_ = memory(3, batch_ * m_ * n_);
}

void HostProduct::run(Host& host) const
{
    const auto one = [&](std::int64_t i) {
        float* c = c_ + i * m_ * n_;
        if (bias_)
            for (std::int64_t row = 0; row < m_; row++)
                std::copy(bias_, bias_ + n_, c + row * n_);
        host.blas.product(form_ == 2, form_ == 1, m_, n_, k_, a_ + i * a_batch_, form_ == 2 ? m_ : k_, b_ + i * b_batch_,
                          form_ == 1 ? k_ : n_, bias_ ? 1.0f : 0.0f, c, n_);
    };
    if (batch_ == 1 || m_ * n_ * k_ >= SHARED || host.team.size() == 1) {
        for (std::int64_t i = 0; i < batch_; i++)
            one(i);
        return;
    }
    Blas::Single single(host.blas);
    host.team.run([&](int member) {
        const auto [first, last] = part(batch_, member, host.team.size());
        for (std::int64_t i = first; i < last; i++)
            one(i);
    });
}

} // namespace grilly
