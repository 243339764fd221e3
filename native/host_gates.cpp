#include "host_gates.hpp"

#include "lanes.hpp"

#include <algorithm>

namespace grilly {

void HostGated::sizes()
{
    rows_ = number(0);
    d_ = number(1);
    size_ = number(2);
    tokens_ = number(3);
    by_token_ = number(4);
    grad_ = number(5);
    gates_ = by_token_ ? rows_ * (d_ / size_) : rows_ / tokens_ * d_;
}

// ---- sums ----

const HostFace HostGateSums::face{
    "host-gate-sums",
    { { "x", true, false }, { "gy", true, false }, { "gate", true, false }, { "y", false, true }, { "gx", false, true } },
    { "rows", "d", "size", "tokens", "by_token", "grad" },
};

HostGateSums::HostGateSums(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostGated(face, std::move(tensors), std::move(words))
{
    sizes();
    x_ = memory(0, 2 * rows_ * d_);
    gy_ = grad_ ? memory(1, rows_ * d_) : nullptr;
    gate_ = grad_ ? memory(2, gates_) : nullptr;
    y_ = memory(3, gates_);
    gx_ = grad_ ? memory(4, 2 * rows_ * d_) : nullptr;
}

// Halves onto each other, four times.
GRILLY_INLINE float folded(Lanes of)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            of[i] += of[i + half];
    return of[0];
}

GRILLY_WIDE static void sum_heads(float* y, const float* x, const float* gy, const float* gate, float* gx, std::int64_t rows,
                                  std::int64_t d, std::int64_t size)
{
    for (std::int64_t r = 0; r < rows; r++, x += 2 * d)
        for (std::int64_t head = 0; head < d; head += size, y++) {
            Lanes sum{}, v, g;
            for (std::int64_t c = head; c < head + size; c += LANES) {
                const std::int64_t few = head + size - c;
                load_some(v, x + (gy ? d : 0) + c, few);
                if (gy) {
                    load_some(g, gy + r * d + c, few);
                    v *= g;
                    store_some(gx + 2 * r * d + d + c, g * *gate, few);
                }
                sum += v;
            }
            *y = folded(sum);
            gate += gy ? 1 : 0;
        }
}

// Of one sequence.
GRILLY_WIDE static void sum_tokens(float* __restrict y, const float* __restrict x, std::int64_t tokens, std::int64_t d)
{
    for (std::int64_t n = 0; n < tokens; n++)
        for (std::int64_t c = 0; c < d; c++)
            y[c] += x[2 * n * d + c];
}

GRILLY_WIDE static void sum_tokens_back(float* __restrict y, const float* __restrict x, const float* __restrict gy,
                                        const float* __restrict gate, float* __restrict gx, std::int64_t tokens,
                                        std::int64_t d)
{
    for (std::int64_t n = 0; n < tokens; n++)
        for (std::int64_t c = 0; c < d; c++) {
            const float g = gy[n * d + c];
            y[c] += g * x[2 * n * d + d + c];
            gx[2 * n * d + d + c] = g * gate[c];
        }
}

void HostGateSums::run(Host& host) const
{
    host.team.run([&](int member) {
        const auto [first, last] = part(by_token_ ? rows_ : rows_ / tokens_, member, host.team.size());
        if (by_token_) {
            const std::int64_t heads = d_ / size_;
            sum_heads(y_ + first * heads, x_ + 2 * first * d_, grad_ ? gy_ + first * d_ : nullptr,
                      grad_ ? gate_ + first * heads : nullptr, grad_ ? gx_ + 2 * first * d_ : nullptr, last - first, d_, size_);
            return;
        }
        for (std::int64_t i = first; i < last; i++) {
            const std::int64_t at = i * tokens_ * d_;
            float* y = y_ + i * d_;
            std::fill_n(y, d_, 0.0f);
            if (grad_)
                sum_tokens_back(y, x_ + 2 * at, gy_ + at, gate_ + i * d_, gx_ + 2 * at, tokens_, d_);
            else
                sum_tokens(y, x_ + 2 * at, tokens_, d_);
        }
    });
}

// ---- and gates ----

const HostFace HostGate::face{
    "host-gate",
    { { "x", true, false }, { "gate", true, false }, { "y", false, true } },
    { "rows", "d", "size", "tokens", "by_token", "grad" },
};

HostGate::HostGate(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostGated(face, std::move(tensors), std::move(words))
{
    sizes();
    x_ = grad_ ? nullptr : memory(0, 2 * rows_ * d_);
    gate_ = memory(1, gates_);
    y_ = memory(2, (grad_ ? 2 : 1) * rows_ * d_);
}

// A token's: one gate for each channel, or each `size` of them.
GRILLY_WIDE static void gated(float* __restrict y, const float* __restrict k, const float* __restrict gate, std::int64_t d,
                              std::int64_t size)
{
    if (size == 0)
        for (std::int64_t c = 0; c < d; c++)
            y[c] = k[c] * gate[c];
    else
        for (; d > 0; d -= size, y += size, k += size, gate++)
            for (std::int64_t c = 0; c < size; c++)
                y[c] = k[c] * *gate;
}

void HostGate::run(Host& host) const
{
    host.team.run([&](int member) {
        const auto [first, last] = part(rows_, member, host.team.size());
        for (std::int64_t r = first; r < last; r++) {
            const float* gate = gate_ + (by_token_ ? r * (d_ / size_) : r / tokens_ * d_);
            if (!grad_)
                gated(y_ + r * d_, x_ + 2 * r * d_ + d_, gate, d_, by_token_ ? size_ : 0);
            else if (!by_token_)
                std::copy_n(gate, d_, y_ + 2 * r * d_);
            else
                for (std::int64_t head = 0; head < d_ / size_; head++)
                    std::fill_n(y_ + 2 * r * d_ + head * size_, size_, gate[head]);
        }
    });
}

} // namespace grilly
