#include "host_calls.hpp"

#include <algorithm>

namespace grilly {

// Multiplications of one product from which several threads share it; of a stack of smaller ones, each takes one.
static const std::int64_t SHARED = 1 << 22;

// The products of a stack, some to each thread.
template<class One>
static void share(Host& host, std::int64_t batch, One one)
{
    Blas::Single single(host.blas);
    host.team.run([&](int member) {
        const auto [first, last] = part(batch, member, host.team.size());
        for (std::int64_t i = first; i < last; i++)
            one(i);
    });
}

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
    bias_row_ = number(1) == 2 ? n_ : 0;
    bias_ = number(1) ? memory(2, bias_row_ ? m_ * n_ : n_) : nullptr;
    c_ = memory(3, batch_ * m_ * n_);
}

void HostProduct::run(Host& host) const
{
    const auto one = [&](std::int64_t i) {
        float* c = c_ + i * m_ * n_;
        if (bias_)
            for (std::int64_t row = 0; row < m_; row++)
                std::copy_n(bias_ + row * bias_row_, n_, c + row * n_);
        host.blas.product(form_ == 2, form_ == 1, m_, n_, k_, a_ + i * a_batch_, form_ == 2 ? m_ : k_, b_ + i * b_batch_,
                          form_ == 1 ? k_ : n_, bias_ ? 1.0f : 0.0f, c, n_);
    };
    if (batch_ == 1 || m_ * n_ * k_ >= SHARED || host.team.size() == 1) {
        for (std::int64_t i = 0; i < batch_; i++)
            one(i);
        return;
    }
    share(host, batch_, one);
}

const HostFace HostHeads::face{
    "host-heads",
    { { "a", true, false }, { "b", true, false }, { "c", true, true } }, // c's other columns stay
    { "form",   "batch",  "heads", "m",       "n",      "k",      "a_from", "a_row",  "a_batch",
      "a_head", "b_from", "b_row", "b_batch", "b_head", "c_from", "c_row",  "c_batch", "c_head" },
    { "scale" },
};

HostHeads::HostHeads(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
  , form_(number(0))
  , batch_(number(1))
  , heads_(number(2))
  , m_(number(3))
  , n_(number(4))
  , k_(number(5))
  , scale_(factor(0))
{
    places_[0] = place(0, form_ == 2 ? k_ : m_, form_ == 2 ? m_ : k_);
    places_[1] = place(1, form_ == 1 ? n_ : k_, form_ == 1 ? k_ : n_);
    places_[2] = place(2, m_, n_);
}

HostHeads::Place HostHeads::place(std::size_t binding, std::int64_t rows, std::int64_t columns) const
{
    const std::size_t at = 6 + 4 * binding;
    const std::int64_t from = number(at), row = number(at + 1), batch = number(at + 2), head = number(at + 3);
    const std::int64_t last = from + (batch_ / heads_ - 1) * batch + (heads_ - 1) * head + (rows - 1) * row + columns;
    return { memory(binding, last) + from, row, batch, head };
}

void HostHeads::run(Host& host) const
{
    const auto& [a, b, c] = places_;
    const auto one = [&](std::int64_t i) {
        const std::int64_t sequence = i / heads_, head = i % heads_;
        host.blas.product(form_ == 2, form_ == 1, m_, n_, k_, a.of(sequence, head), a.row, b.of(sequence, head), b.row, 0.0f,
                          c.of(sequence, head), c.row, scale_);
    };
    share(host, batch_, one);
}

} // namespace grilly
