#include "host_neu_norm.hpp"

#include "host_blocks.hpp"
#include "lanes.hpp"

namespace grilly {

static const std::int64_t CUT = 256; // pixels of a row that are worth a thread's visit

void HostMeanOff::sizes()
{
    steps_ = number(0);
    samples_ = number(1);
    channels_ = number(2);
    inner_ = number(3);
    apart_ = number(4) ? 0 : inner_;
    k_ = factor(0);
    share_ = factor(1);
}

template<class F>
void HostMeanOff::share_out(Host& host, std::int64_t items, F item) const
{
    const int members = host.team.size();
    const std::int64_t cuts = items >= members ? 1 : std::max<std::int64_t>(1, inner_ / CUT);
    host.team.run([&](int member) {
        const auto [first, last] = part(items * cuts, member, members);
        for (std::int64_t i = first; i < last; i++) {
            const auto [from, to] = part(inner_, (int)(i % cuts), (int)cuts);
            item(member, i / cuts, from, to - from);
        }
    });
}

// Calls chunk<vectors>(first pixel, how many of its first lanes were there before) until n pixels are done, n >= LANES.
template<class F>
GRILLY_INLINE void chunks(std::int64_t n, F chunk)
{
    std::int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        chunk.template operator()<4>(i, 0);
    for (; i < n; i += LANES) {
        const std::int64_t at = std::min(i, n - LANES);
        chunk.template operator()<1>(at, i - at);
    }
}

// ---- forward ----

const HostFace HostNeuNorm::face{
    "host-neu-norm",
    { { "x", true, false }, { "w", true, false }, { "m0", true, false }, { "y", false, true }, { "trace", false, true },
      { "m", false, true } },
    { "steps", "samples", "channels", "inner", "shared", "given", "store" },
    { "k", "share", "start" },
};

HostNeuNorm::HostNeuNorm(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostMeanOff(face, std::move(tensors), std::move(words))
  , start_(factor(2))
{
    sizes();
    const std::int64_t states = samples_ * inner_, all = steps_ * channels_ * states;
    x_ = memory(0, all);
    w_ = memory(1, apart_ ? channels_ * inner_ : inner_);
    m0_ = number(5) ? memory(2, states) : nullptr;
    y_ = memory(3, all);
    trace_ = number(6) ? memory(4, steps_ * states) : nullptr;
    m_ = memory(5, states);
}

// The channels of a sample at one step, with the states before and after it.
struct Row
{
    std::int64_t n, channels, inner, apart;
    float k, share;
};

struct MeanOff
{
    const Row& r;
    const float *x, *w;
    float* y;
    const float* before;
    float* after;

    template<int N>
    GRILLY_INLINE void operator()(std::int64_t i, std::int64_t) const
    {
        Lanes sum[N]{}, m[N], v, weight;
        for (std::int64_t c = 0; c < r.channels; c++)
            for (int j = 0; j < N; j++) {
                load(v, x + c * r.inner + i + j * LANES);
                sum[j] += v;
            }
        for (int j = 0; j < N; j++) {
            load(v, before + i + j * LANES);
            m[j] = r.k * v + r.share * sum[j];
            store(after + i + j * LANES, m[j]);
        }
        for (std::int64_t c = 0; c < r.channels; c++)
            for (int j = 0; j < N; j++) {
                load(v, x + c * r.inner + i + j * LANES);
                load(weight, w + c * r.apart + i + j * LANES);
                store(y + c * r.inner + i + j * LANES, v - weight * m[j]);
            }
    }
};

GRILLY_WIDE static void take_off(const Row& r, const float* x, const float* w, float* y, const float* before, float* after)
{
    chunks(r.n, MeanOff{ r, x, w, y, before, after });
}

void HostNeuNorm::sample(std::int64_t sample, std::int64_t from, std::int64_t n, float* rows) const
{
    const Row row{ n, channels_, inner_, apart_, k_, share_ };
    const std::int64_t state = sample * inner_ + from;
    float *before = rows, *after = rows + n;
    begin(before, m0_, state, n, start_);
    for (std::int64_t t = 0; t < steps_; t++) {
        const std::int64_t at = (t * samples_ + sample) * channels_ * inner_ + from;
        take_off(row, x_ + at, w_ + from, y_ + at, before, after);
        if (trace_)
            std::copy_n(after, n, trace_ + t * samples_ * inner_ + state);
        std::swap(before, after);
    }
    std::copy_n(before, n, m_ + state);
}

void HostNeuNorm::run(Host& host) const
{
    share_out(host, samples_, [&](int member, std::int64_t i, std::int64_t from, std::int64_t n) {
        sample(i, from, n, host.scratch(member, 2 * inner_));
    });
}

// ---- and back ----

const HostFace HostNeuNormGrad::face{
    "host-neu-norm-grad",
    { { "gy", true, false },
      { "w", true, false },
      { "gend", true, false },
      { "trace", true, false },
      { "gx", false, true },
      { "gm", false, true },
      { "partial", true, true },
      { "gw", false, true } },
    { "steps", "samples", "channels", "inner", "shared", "has_gend", "learn", "parts" },
    { "k", "share" },
};

HostNeuNormGrad::HostNeuNormGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostMeanOff(face, std::move(tensors), std::move(words))
  , parts_(number(7))
{
    sizes();
    const std::int64_t states = samples_ * inner_, all = steps_ * channels_ * states;
    weights_ = apart_ ? channels_ * inner_ : inner_;
    g_ = memory(0, all);
    w_ = memory(1, weights_);
    end_ = number(5) ? memory(2, states) : nullptr;
    trace_ = number(6) ? memory(3, steps_ * states) : nullptr;
    gx_ = memory(4, all);
    gm_ = memory(5, states);
    partial_ = trace_ ? memory(6, parts_ * weights_) : nullptr;
    gw_ = trace_ ? memory(7, weights_) : nullptr;
}

struct MeanOffGrad
{
    const Row& r;
    const float *g, *w, *trace;
    float *gx, *gw;
    const float* after;
    float* before;

    template<int N>
    GRILLY_INLINE void operator()(std::int64_t i, std::int64_t done) const
    {
        Lanes sum[N]{}, m[N], kept[N]{}, v, weight;
        if (gw)
            for (int j = 0; j < N; j++) {
                load(kept[j], trace + i + j * LANES);
                if (N == 1)
                    drop(kept[j], done); // their sums have it already
            }
        for (std::int64_t c = 0; c < r.channels; c++)
            for (int j = 0; j < N; j++) {
                load(v, g + c * r.inner + i + j * LANES);
                load(weight, w + c * r.apart + i + j * LANES);
                sum[j] += weight * v;
                if (gw) {
                    float* to = gw + c * r.apart + i + j * LANES;
                    load(weight, to);
                    store(to, weight - v * kept[j]);
                }
            }
        for (int j = 0; j < N; j++) {
            load(m[j], after + i + j * LANES);
            m[j] -= sum[j];
            store(before + i + j * LANES, m[j] * r.k);
            m[j] *= r.share;
        }
        for (std::int64_t c = 0; c < r.channels; c++)
            for (int j = 0; j < N; j++) {
                load(v, g + c * r.inner + i + j * LANES);
                store(gx + c * r.inner + i + j * LANES, v + m[j]);
            }
    }
};

GRILLY_WIDE static void take_back(const Row& r, const float* g, const float* w, const float* trace, float* gx, float* gw,
                                  const float* after, float* before)
{
    chunks(r.n, MeanOffGrad{ r, g, w, trace, gx, gw, after, before });
}

void HostNeuNormGrad::sample(std::int64_t sample, std::int64_t from, std::int64_t n, float* rows, float* gw) const
{
    const Row row{ n, channels_, inner_, apart_, k_, share_ };
    const std::int64_t state = sample * inner_ + from;
    float *after = rows, *before = rows + n;
    begin(after, end_, state, n);
    for (std::int64_t t = steps_; t-- > 0;) {
        const std::int64_t at = (t * samples_ + sample) * channels_ * inner_ + from;
        const float* trace = trace_ ? trace_ + t * samples_ * inner_ + state : nullptr;
        take_back(row, g_ + at, w_ + from, trace, gx_ + at, gw, after, before);
        std::swap(before, after);
    }
    std::copy_n(after, n, gm_ + state);
}

void HostNeuNormGrad::run(Host& host) const
{
    share_out(host, parts_, [&](int member, std::int64_t i, std::int64_t from, std::int64_t n) {
        float* gw = partial_ ? partial_ + i * weights_ + from : nullptr;
        for (std::int64_t at = 0; gw && at < weights_; at += inner_)
            std::fill_n(gw + at, n, 0.0f);
        const std::int64_t first = i * samples_ / parts_, last = (i + 1) * samples_ / parts_;
        for (std::int64_t s = first; s < last; s++)
            sample(s, from, n, host.scratch(member, 2 * inner_), gw);
    });
    if (gw_)
        host.team.run([&](int member) {
            const auto [first, last] = part(weights_, member, host.team.size());
            add_up(first, last);
        });
}

GRILLY_WIDE static void add(float* __restrict to, const float* __restrict more, std::int64_t n)
{
    for (std::int64_t i = 0; i < n; i++)
        to[i] += more[i];
}

void HostNeuNormGrad::add_up(std::int64_t first, std::int64_t last) const
{
    std::copy(partial_ + first, partial_ + last, gw_ + first);
    for (std::int64_t i = 1; i < parts_; i++)
        add(gw_ + first, partial_ + i * weights_ + first, last - first);
}

} // namespace grilly
