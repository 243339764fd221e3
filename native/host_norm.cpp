#include "host_norm.hpp"

#include "lanes.hpp"

#include <algorithm>

namespace grilly {

static const std::int64_t STRETCH = 1024; // values that are summed in floats, 64 in a lane; stretches in doubles
static const std::int64_t CACHE = 1 << 19; // bytes that a second pass still finds in a core's cache
static const std::int64_t VISIT = 1 << 11; // bytes of a sample that make a visit worth while
static const std::int64_t TOGETHER = 64;   // channels at once, at most

void HostNormed::sizes()
{
    samples_ = number(0);
    channels_ = number(1);
    inner_ = number(2);
    step_ = number(3);
    own_ = number(4);
    sets_ = own_ * channels_;
    members_ = samples_ / own_;
}

// Calls group(first set, how many) for all, of one step each: neighbours, as many as a cache holds with so many bytes a
// value, and no more than make long rows.
template<class F>
void HostNormed::share(Host& host, std::int64_t bytes, F group) const
{
    const std::int64_t most = std::max<std::int64_t>(1, CACHE / std::max<std::int64_t>(1, members_ * inner_ * bytes));
    const std::int64_t wide = (VISIT + 4 * inner_ - 1) / (4 * inner_);
    const std::int64_t each = std::min({ most, wide, channels_, TOGETHER });
    const std::int64_t groups = (channels_ + each - 1) / each;
    host.team.run([&](int member) {
        const auto [first, last] = part(own_ * groups, member, host.team.size());
        for (std::int64_t i = first; i < last; i++) {
            const std::int64_t channel = i % groups * each;
            group(i / groups * channels_ + channel, std::min(each, channels_ - channel));
        }
    });
}

// Count, mean and squared deviations of values that come in rows (Chan, Golub & LeVeque, 1983).
struct Moments
{
    Lanes sum{}, squares{}; // of what has not been joined, less `shift`
    std::int64_t open = 0;
    float shift = 0;
    double count = 0, mean = 0, deviations = 0;

    GRILLY_INLINE void add(const float* row, std::int64_t n)
    {
        if (open + n > STRETCH)
            join();
        Lanes from, v, s = sum, q = squares;
        fill(from, shift);
        std::int64_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            load(v, row + i);
            v -= from;
            s += v;
            q += v * v;
        }
        if (i < n && n >= LANES) { // the last lanes again, without those that were there
            load(v, row + n - LANES);
            v -= from;
            drop(v, LANES - (n - i));
            s += v;
            q += v * v;
        } else
            for (; i < n; i++) {
                const float d = row[i] - shift;
                s[i] += d;
                q[i] += d * d;
            }
        sum = s;
        squares = q;
        open += n;
    }
    GRILLY_INLINE void join()
    {
        if (open == 0)
            return;
        const double more = (double)open, off = total(sum) / more, own = shift + off;
        const double around = std::max(0.0, total(squares) - more * off * off), d = own - mean;
        const double all = count + more;
        deviations += around + d * d * (count * (more / all));
        mean += d * (more / all);
        count = all;
        shift = (float)mean;
        sum = squares = Lanes{};
        open = 0;
    }
};

// ---- forward ----

const HostFace HostNorm::face{
    "host-norm",
    { { "x", true, false },
      { "mean", true, true },
      { "variance", true, true },
      { "weight", true, false },
      { "bias", true, false },
      { "scale", true, false },
      { "running_mean", true, true },
      { "running_var", true, true },
      { "batches", true, true },
      { "y", false, true } },
    { "samples", "channels", "inner", "step", "own", "take", "put", "train", "weighted", "biased", "scaled", "running",
      "counted", "average" },
    { "momentum", "times", "eps" },
};

HostNorm::HostNorm(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostNormed(face, std::move(tensors), std::move(words))
  , take_(number(5))
  , put_(number(6))
  , train_(number(7))
  , average_(number(13))
  , momentum_(factor(0))
  , times_(factor(1))
  , eps_(factor(2))
{
    sizes();
    const std::int64_t all = samples_ * channels_ * inner_;
    x_ = memory(0, all);
    mean_ = memory(1, train_ ? 2 * sets_ : sets_);
    variance_ = memory(2, sets_);
    w_ = number(8) ? memory(3, sets_) : nullptr;
    b_ = number(9) ? memory(4, sets_) : nullptr;
    scale_ = number(10) ? memory(5, samples_ / step_) : nullptr;
    running_mean_ = number(11) ? memory(6, sets_) : nullptr;
    running_var_ = number(11) ? memory(7, sets_) : nullptr;
    batches_ = number(12) ? (std::int32_t*)memory(8, own_) : nullptr;
    y_ = put_ ? memory(9, all) : nullptr;
    spans_ = scale_ ? samples_ / step_ : own_;
}

void HostNorm::run(Host& host) const
{
    if (take_ && batches_)
        for (std::int64_t t = 0; t < own_; t++)
            batches_[t]++;
    if (inner_ == 1) {
        if (take_)
            take_columns(host);
        if (put_)
            put_columns(host);
        return;
    }
    share(host, 4, [&](std::int64_t set, std::int64_t count) {
        if (take_)
            take(set, count);
        if (put_)
            put(set, count);
    });
}

GRILLY_WIDE static void moments(Moments* of, const float* x, std::int64_t count, std::int64_t members, std::int64_t apart,
                                std::int64_t inner)
{
    for (std::int64_t c = 0; c < count; c++) { // the first row's mean is near enough to begin with
        of[c].add(x + c * inner, std::min(inner, STRETCH));
        const float shift = (float)(total(of[c].sum) / (double)of[c].open);
        of[c] = Moments{};
        of[c].shift = std::isfinite(shift) ? shift : 0;
    }
    for (std::int64_t m = 0; m < members; m++)
        for (std::int64_t c = 0; c < count; c++) {
            const float* row = x + m * apart + c * inner;
            for (std::int64_t i = 0; i < inner; i += STRETCH)
                of[c].add(row + i, std::min(STRETCH, inner - i));
        }
    for (std::int64_t c = 0; c < count; c++)
        of[c].join();
}

void HostNorm::take(std::int64_t set, std::int64_t count) const
{
    const std::int64_t channel = set % channels_, first = row(set / channels_ * members_, channel);
    Moments of[TOGETHER];
    moments(of, x_ + first, count, members_, channels_ * inner_, inner_);
    for (std::int64_t c = 0; c < count; c++)
        note(set + c, x_[first + c * inner_], of[c].mean, of[c].deviations, of[c].count);
}

// The statistics of a set, and the running ones.
void HostNorm::note(std::int64_t s, float base, double mean, double deviations, double count) const
{
    mean_[s] = (float)(mean - base);
    mean_[sets_ + s] = base;
    variance_[s] = (float)(deviations / count);
    if (running_mean_) {
        const float step = average_ ? 1.0f / (float)batches_[s / channels_] : momentum_;
        const double all = count * times_;
        running_mean_[s] = (1 - step) * running_mean_[s] + step * (float)mean;
        running_var_[s] = (1 - step) * running_var_[s] + step * (float)(deviations * times_ / (all - 1));
    }
}

GRILLY_WIDE static void normalise(float* y, const float* x, std::int64_t n, float base, float mean, float gain, float bias)
{
    Lanes v, from, centre, slope, shift;
    fill(from, base);
    fill(centre, mean);
    fill(slope, gain);
    fill(shift, bias);
    if (n < LANES) {
        for (std::int64_t i = 0; i < n; i++)
            y[i] = ((x[i] - base) - mean) * gain + bias;
        return;
    }
    for (std::int64_t i = 0;; i = std::min(i + LANES, n - LANES)) { // the last lanes twice where they don't fit
        load(v, x + i);
        store(y + i, ((v - from) - centre) * slope + shift);
        if (i == n - LANES)
            return;
    }
}

void HostNorm::put(std::int64_t set, std::int64_t count) const
{
    const std::int64_t channel = set % channels_, begin = set / channels_ * members_;
    float base[TOGETHER], mean[TOGETHER], gain[TOGETHER], bias[TOGETHER];
    for (std::int64_t c = 0; c < count; c++) {
        base[c] = train_ ? mean_[sets_ + set + c] : 0.0f;
        mean[c] = mean_[set + c];
        gain[c] = 1.0f / std::sqrt(variance_[set + c] + eps_) * (w_ ? w_[set + c] : 1.0f);
        bias[c] = b_ ? b_[set + c] : 0.0f;
    }
    for (std::int64_t m = begin; m < begin + members_; m++) {
        const float scale = scale_ ? scale_[m / step_] : 1.0f;
        for (std::int64_t c = 0; c < count; c++) {
            const std::int64_t at = row(m, channel + c);
            normalise(y_ + at, x_ + at, inner_, base[c], mean[c], gain[c] * scale, bias[c] * scale);
        }
    }
}

// ---- and back ----

const HostFace HostNormGrad::face{
    "host-norm-grad",
    { { "x", true, false },
      { "gy", true, false },
      { "mean", true, false },
      { "variance", true, false },
      { "weight", true, false },
      { "scale", true, false },
      { "sums", true, true },
      { "gx", false, true } },
    { "samples", "channels", "inner", "step", "own", "steps", "train", "weighted", "scaled", "sum", "put" },
    { "eps" },
};

HostNormGrad::HostNormGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostNormed(face, std::move(tensors), std::move(words))
  , steps_(number(5))
  , train_(number(6))
  , eps_(factor(0))
{
    sizes();
    const std::int64_t all = samples_ * channels_ * inner_;
    x_ = memory(0, all);
    g_ = memory(1, all);
    mean_ = memory(2, train_ ? 2 * sets_ : sets_);
    variance_ = memory(3, sets_);
    w_ = number(7) ? memory(4, sets_) : nullptr;
    scale_ = number(8) ? memory(5, samples_ / step_) : nullptr;
    sums_ = number(9) ? memory(6, 2 * steps_ * sets_) : nullptr;
    gx_ = number(10) ? memory(7, all) : nullptr;
    spans_ = own_ * steps_;
}

void HostNormGrad::run(Host& host) const
{
    if (inner_ == 1) {
        if (sums_)
            sum_columns(host);
        if (gx_)
            put_columns(host);
        return;
    }
    share(host, 8, [&](std::int64_t set, std::int64_t count) {
        if (sums_)
            sum(set, count);
        if (gx_)
            put(set, count);
    });
}

// Sums of g * z and of g, z being x less the mean.
struct Slopes
{
    Lanes sum{}, sum_z{};
    std::int64_t open = 0;
    double all = 0, all_z = 0;

    GRILLY_INLINE void add(const float* x, const float* g, std::int64_t n, float base, float mean)
    {
        if (open + n > STRETCH)
            join();
        Lanes from, centre, v, w, s = sum, z = sum_z;
        fill(from, base);
        fill(centre, mean);
        std::int64_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            load(w, g + i);
            load(v, x + i);
            s += w;
            z += w * ((v - from) - centre);
        }
        if (i < n && n >= LANES) {
            load(w, g + n - LANES);
            load(v, x + n - LANES);
            v = w * ((v - from) - centre);
            drop(w, LANES - (n - i));
            drop(v, LANES - (n - i));
            s += w;
            z += v;
        } else
            for (; i < n; i++) {
                s[i] += g[i];
                z[i] += g[i] * ((x[i] - base) - mean);
            }
        sum = s;
        sum_z = z;
        open += n;
    }
    GRILLY_INLINE void join()
    {
        all += total(sum);
        all_z += total(sum_z);
        sum = sum_z = Lanes{};
        open = 0;
    }
};

GRILLY_WIDE static void slopes(Slopes* of, const float* x, const float* g, std::int64_t count, std::int64_t members,
                               std::int64_t apart, std::int64_t inner, const float* base, const float* mean)
{
    for (std::int64_t m = 0; m < members; m++)
        for (std::int64_t c = 0; c < count; c++) {
            const std::int64_t at = m * apart + c * inner;
            for (std::int64_t i = 0; i < inner; i += STRETCH)
                of[c].add(x + at + i, g + at + i, std::min(STRETCH, inner - i), base[c], mean[c]);
        }
    for (std::int64_t c = 0; c < count; c++)
        of[c].join();
}

void HostNormGrad::sum(std::int64_t set, std::int64_t count) const
{
    const std::int64_t channel = set % channels_, members = members_ / steps_, all = steps_ * sets_;
    float base[TOGETHER];
    for (std::int64_t c = 0; c < count; c++)
        base[c] = train_ ? mean_[sets_ + set + c] : 0.0f;
    for (std::int64_t t = 0; t < steps_; t++) {
        Slopes of[TOGETHER];
        const std::int64_t at = row(set / channels_ * members_ + t * members, channel);
        slopes(of, x_ + at, g_ + at, count, members, channels_ * inner_, inner_, base, mean_ + set);
        for (std::int64_t c = 0; c < count; c++) {
            sums_[t * sets_ + set + c] = (float)of[c].all_z / std::sqrt(variance_[set + c] + eps_);
            sums_[all + t * sets_ + set + c] = (float)of[c].all;
        }
    }
}

GRILLY_WIDE static void slope(float* gx, const float* x, const float* g, std::int64_t n, float base, float mean, float gain,
                              float slope_, float shift)
{
    Lanes v, w, from, centre, times, less, off;
    fill(from, base);
    fill(centre, mean);
    fill(times, gain);
    fill(less, slope_);
    fill(off, shift);
    if (n < LANES) {
        for (std::int64_t i = 0; i < n; i++)
            gx[i] = (g[i] * gain - shift) - ((x[i] - base) - mean) * slope_;
        return;
    }
    for (std::int64_t i = 0;; i = std::min(i + LANES, n - LANES)) {
        load(w, g + i);
        load(v, x + i);
        store(gx + i, (w * times - off) - ((v - from) - centre) * less);
        if (i == n - LANES)
            return;
    }
}

GRILLY_WIDE static void scaled(float* gx, const float* g, std::int64_t n, float gain)
{
    for (std::int64_t i = 0; i < n; i++)
        gx[i] = g[i] * gain;
}

HostNormGrad::Numbers HostNormGrad::numbers(std::int64_t s) const
{
    Numbers of;
    const float root = 1.0f / std::sqrt(variance_[s] + eps_), values = (float)(members_ * inner_);
    of.gain = w_ ? root * w_[s] : root;
    if (!train_)
        return of;
    float z = 0, all = 0;
    for (std::int64_t t = 0; t < steps_; t++) {
        const float scale = scale_ ? scale_[t] : 1.0f;
        z += scale * sums_[t * sets_ + s];
        all += scale * sums_[(steps_ + t) * sets_ + s];
    }
    of.base = mean_[sets_ + s];
    of.mean = mean_[s];
    of.less = root * of.gain * (z / values);
    of.off = of.gain * (all / values);
    return of;
}

void HostNormGrad::put(std::int64_t set, std::int64_t count) const
{
    const std::int64_t channel = set % channels_, begin = set / channels_ * members_;
    Numbers of[TOGETHER];
    for (std::int64_t c = 0; c < count; c++)
        of[c] = numbers(set + c);
    for (std::int64_t m = begin; m < begin + members_; m++) {
        const float scale = scale_ ? scale_[m / step_] : 1.0f;
        for (std::int64_t c = 0; c < count; c++) {
            const std::int64_t at = row(m, channel + c);
            if (train_)
                slope(gx_ + at, x_ + at, g_ + at, inner_, of[c].base, of[c].mean, of[c].gain * scale, of[c].less, of[c].off);
            else
                scaled(gx_ + at, g_ + at, inner_, of[c].gain * scale);
        }
    }
}

} // namespace grilly
