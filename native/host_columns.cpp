// Batch norms of samples whose channels lie side by side (inner = 1), by stretches of samples that a core's cache holds.
#include "host_norm.hpp"

#include "lanes.hpp"

#include <algorithm>

namespace grilly {

static const std::int64_t ROWS = 128; // samples of a stretch, whose sums are floats; those of stretches are doubles

template<class F>
void HostNormed::stretches(Host& host, F each) const
{
    const std::int64_t rows = samples_ / spans_, parts = (rows + ROWS - 1) / ROWS, spans = spans_ / own_;
    host.team.run([&](int member) {
        const auto [first, last] = part(spans_ * parts, member, host.team.size());
        for (std::int64_t i = first; i < last; i++) {
            const std::int64_t span = i / parts, begin = span * rows + i % parts * ROWS;
            each(member, i, span / spans * channels_, begin, std::min(begin + ROWS, (span + 1) * rows));
        }
    });
}

// The stretches of a span, and of all.
static std::int64_t parts_of(std::int64_t rows) { return (rows + ROWS - 1) / ROWS; }

// ---- sums ----

// Of V times sixteen channels: their mean, near enough, and sums of deviations from it and of their squares.
template<int V>
GRILLY_INLINE void deviations(const float* x, std::int64_t rows, std::int64_t apart, float* shift, float* sum, float* squares)
{
    Lanes v, s[V]{}, q[V]{}, from[V];
    for (std::int64_t r = 0; r < rows; r++)
        for (int i = 0; i < V; i++) {
            load(v, x + r * apart + i * LANES);
            s[i] += v;
        }
    for (int i = 0; i < V; i++) {
        from[i] = s[i] * (1.0f / (float)rows);
        s[i] = Lanes{};
    }
    for (std::int64_t r = 0; r < rows; r++)
        for (int i = 0; i < V; i++) {
            load(v, x + r * apart + i * LANES);
            v -= from[i];
            s[i] += v;
            q[i] += v * v;
        }
    for (int i = 0; i < V; i++) {
        store(shift + i * LANES, from[i]);
        store(sum + i * LANES, s[i]);
        store(squares + i * LANES, q[i]);
    }
}

// Those of all channels, one array of `channels` behind the other.
GRILLY_WIDE static void moments(float* to, const float* x, std::int64_t rows, std::int64_t channels)
{
    std::int64_t c = 0;
    float *sum = to + channels, *squares = sum + channels;
    for (; c + 4 * LANES <= channels; c += 4 * LANES)
        deviations<4>(x + c, rows, channels, to + c, sum + c, squares + c);
    for (; c + LANES <= channels; c += LANES)
        deviations<1>(x + c, rows, channels, to + c, sum + c, squares + c);
    for (; c < channels; c++) {
        float s = 0, q = 0;
        for (std::int64_t r = 0; r < rows; r++)
            s += x[r * channels + c];
        const float from = s * (1.0f / (float)rows);
        s = 0;
        for (std::int64_t r = 0; r < rows; r++) {
            const float v = x[r * channels + c] - from;
            s += v;
            q += v * v;
        }
        to[c] = from;
        sum[c] = s;
        squares[c] = q;
    }
}

// Joins a stretch of `more` values a channel to the `count` before (Chan, Golub & LeVeque, 1983).
GRILLY_WIDE static void join(double* __restrict mean, double* __restrict deviations, const float* from, std::int64_t channels,
                             double count, double more)
{
    const double share = more / (count + more);
    for (std::int64_t c = 0; c < channels; c++) {
        const double off = from[channels + c] / more, d = from[c] + off - mean[c];
        const double around = from[2 * channels + c] - more * off * off;
        deviations[c] += (around < 0 ? 0.0 : around) + d * d * (count * share);
        mean[c] += d * share;
    }
}

void HostNorm::take_columns(Host& host) const
{
    const std::int64_t rows = samples_ / spans_, parts = parts_of(rows), each = 3 * channels_;
    float* partial = host.scratch(0, spans_ * parts * each);
    stretches(host, [&](int, std::int64_t i, std::int64_t, std::int64_t first, std::int64_t last) {
        moments(partial + i * each, x_ + first * channels_, last - first, channels_);
    });
    const std::int64_t of_set = spans_ / own_ * parts; // stretches
    std::vector<double> mean(channels_), around(channels_);
    for (std::int64_t t = 0; t < own_; t++) {
        double count = 0;
        std::fill(mean.begin(), mean.end(), 0.0);
        std::fill(around.begin(), around.end(), 0.0);
        for (std::int64_t i = 0; i < of_set; i++) {
            const double more = (double)std::min(ROWS, rows - i % parts * ROWS);
            join(mean.data(), around.data(), partial + (t * of_set + i) * each, channels_, count, more);
            count += more;
        }
        for (std::int64_t c = 0; c < channels_; c++)
            note(t * channels_ + c, x_[t * members_ * channels_ + c], mean[c], around[c], count);
    }
}

// Sums of g and of g * z, z being x less the mean, one array of `channels` behind the other.
template<int V>
GRILLY_INLINE void products(const float* x, const float* g, std::int64_t rows, std::int64_t apart, const float* base,
                            const float* mean, float* sum, float* sum_z)
{
    Lanes v, w, s[V]{}, z[V]{}, from[V], centre[V];
    for (int i = 0; i < V; i++) {
        load(from[i], base + i * LANES);
        load(centre[i], mean + i * LANES);
    }
    for (std::int64_t r = 0; r < rows; r++)
        for (int i = 0; i < V; i++) {
            load(w, g + r * apart + i * LANES);
            load(v, x + r * apart + i * LANES);
            s[i] += w;
            z[i] += w * ((v - from[i]) - centre[i]);
        }
    for (int i = 0; i < V; i++) {
        store(sum + i * LANES, s[i]);
        store(sum_z + i * LANES, z[i]);
    }
}

GRILLY_WIDE static void slopes(float* to, const float* x, const float* g, std::int64_t rows, std::int64_t channels,
                               const float* base, const float* mean)
{
    std::int64_t c = 0;
    for (; c + 4 * LANES <= channels; c += 4 * LANES)
        products<4>(x + c, g + c, rows, channels, base + c, mean + c, to + c, to + channels + c);
    for (; c + LANES <= channels; c += LANES)
        products<1>(x + c, g + c, rows, channels, base + c, mean + c, to + c, to + channels + c);
    for (; c < channels; c++) {
        float s = 0, z = 0;
        for (std::int64_t r = 0; r < rows; r++) {
            const std::int64_t at = r * channels + c;
            s += g[at];
            z += g[at] * ((x[at] - base[c]) - mean[c]);
        }
        to[c] = s;
        to[channels + c] = z;
    }
}

void HostNormGrad::sum_columns(Host& host) const
{
    const std::int64_t parts = parts_of(samples_ / spans_), each = 2 * channels_, all = steps_ * sets_;
    const std::vector<float> none(train_ ? 0 : sets_);
    const float* base = train_ ? mean_ + sets_ : none.data();
    float* partial = host.scratch(0, spans_ * parts * each);
    stretches(host, [&](int, std::int64_t i, std::int64_t set, std::int64_t first, std::int64_t last) {
        const std::int64_t at = first * channels_;
        slopes(partial + i * each, x_ + at, g_ + at, last - first, channels_, base + set, mean_ + set);
    });
    std::vector<double> sums(each);
    for (std::int64_t span = 0; span < spans_; span++) {
        const std::int64_t set = span / steps_ * channels_, to = span % steps_ * sets_ + set;
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::int64_t i = 0; i < parts; i++)
            for (std::int64_t c = 0; c < each; c++)
                sums[c] += partial[(span * parts + i) * each + c];
        for (std::int64_t c = 0; c < channels_; c++) {
            sums_[to + c] = (float)sums[channels_ + c] / std::sqrt(variance_[set + c] + eps_);
            sums_[all + to + c] = (float)sums[c];
        }
    }
}

// ---- what is written ----

GRILLY_WIDE static void normalise(float* __restrict y, const float* __restrict x, std::int64_t rows, std::int64_t channels,
                                  const float* __restrict base, const float* __restrict mean, const float* __restrict gain,
                                  const float* __restrict bias)
{
    for (; rows-- > 0; x += channels, y += channels)
        for (std::int64_t c = 0; c < channels; c++)
            y[c] = ((x[c] - base[c]) - mean[c]) * gain[c] + bias[c];
}

void HostNorm::put_columns(Host& host) const
{
    stretches(host, [&](int member, std::int64_t, std::int64_t set, std::int64_t first, std::int64_t last) {
        float *base = host.scratch(member, 3 * channels_), *gain = base + channels_, *bias = gain + channels_;
        const float scale = scale_ ? scale_[first / step_] : 1.0f;
        for (std::int64_t c = 0; c < channels_; c++) {
            base[c] = train_ ? mean_[sets_ + set + c] : 0.0f;
            gain[c] = 1.0f / std::sqrt(variance_[set + c] + eps_) * (w_ ? w_[set + c] : 1.0f) * scale;
            bias[c] = b_ ? b_[set + c] * scale : 0.0f;
        }
        const std::int64_t at = first * channels_;
        normalise(y_ + at, x_ + at, last - first, channels_, base, mean_ + set, gain, bias);
    });
}

GRILLY_WIDE static void slope(float* __restrict gx, const float* __restrict x, const float* __restrict g, std::int64_t rows,
                              std::int64_t channels, const float* __restrict base, const float* __restrict mean,
                              const float* __restrict gain, const float* __restrict less, const float* __restrict off)
{
    for (; rows-- > 0; x += channels, g += channels, gx += channels)
        for (std::int64_t c = 0; c < channels; c++)
            gx[c] = (g[c] * gain[c] - off[c]) - ((x[c] - base[c]) - mean[c]) * less[c];
}

GRILLY_WIDE static void scaled(float* __restrict gx, const float* __restrict g, std::int64_t rows, std::int64_t channels,
                               const float* __restrict gain)
{
    for (; rows-- > 0; g += channels, gx += channels)
        for (std::int64_t c = 0; c < channels; c++)
            gx[c] = g[c] * gain[c];
}

void HostNormGrad::put_columns(Host& host) const
{
    std::vector<Numbers> all(sets_);
    for (std::int64_t s = 0; s < sets_; s++)
        all[s] = numbers(s);
    stretches(host, [&](int member, std::int64_t, std::int64_t set, std::int64_t first, std::int64_t last) {
        float *base = host.scratch(member, 5 * channels_), *mean = base + channels_, *gain = mean + channels_;
        float *less = gain + channels_, *off = less + channels_;
        const float scale = scale_ ? scale_[first / step_] : 1.0f;
        for (std::int64_t c = 0; c < channels_; c++) {
            const Numbers& of = all[set + c];
            base[c] = of.base;
            mean[c] = of.mean;
            gain[c] = of.gain * scale;
            less[c] = of.less;
            off[c] = of.off;
        }
        const std::int64_t at = first * channels_;
        if (train_)
            slope(gx_ + at, x_ + at, g_ + at, last - first, channels_, base, mean, gain, less, off);
        else
            scaled(gx_ + at, g_ + at, last - first, channels_, gain);
    });
}

} // namespace grilly
