// Batch norms of x (samples, channels, inner) in one call forward and one back, which read x once from memory: a second
// pass over a few channels finds them in a core's cache.  Channels that lie side by side: host_columns.cpp.
#pragma once

#include "host.hpp"

namespace grilly {

class HostNormed : public HostCall
{
  protected:
    using HostCall::HostCall;
    void sizes(); // the first numbers
    template<class F>
    void share(Host& host, std::int64_t bytes, F group) const;
    // For inner = 1: calls each(member, number, set of channel 0, first sample, last) for stretches of samples, which lie
    // within a span; the same stretches whatever the team.
    template<class F>
    void stretches(Host& host, F each) const;
    std::int64_t spans_; // of samples with statistics, a scale or sums of their own
    // Where a channel's row of a sample begins; samples of a group count from that of its step.
    std::int64_t row(std::int64_t sample, std::int64_t channel) const { return (sample * channels_ + channel) * inner_; }

    std::int64_t samples_, channels_, inner_; // of x
    std::int64_t step_, own_;                 // samples of a step; steps that have statistics of their own, or 1
    std::int64_t sets_, members_;             // statistics in all, and the samples of each
};

// Statistics with `take`, as batch-norm-stats and batch-norm-merge do; y with `put`, as batch-norm does.
class HostNorm : public HostNormed
{
  public:
    HostNorm(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void take(std::int64_t set, std::int64_t count) const;
    void put(std::int64_t set, std::int64_t count) const;
    void note(std::int64_t set, float base, double mean, double deviations, double count) const;
    void take_columns(Host& host) const; // with inner = 1
    void put_columns(Host& host) const;
    bool take_, put_, train_, average_;
    float momentum_, times_, eps_;
    const float *x_, *w_, *b_, *scale_;
    float *mean_, *variance_, *y_, *running_mean_, *running_var_;
    std::int32_t* batches_;
};

// What batch-norm-grad-sums and batch-norm-grad do: sums of g * z and of g (in each step with `steps` > 1), and gx.
class HostNormGrad : public HostNormed
{
  public:
    HostNormGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void sum(std::int64_t set, std::int64_t count) const;
    void put(std::int64_t set, std::int64_t count) const;
    void sum_columns(Host& host) const; // with inner = 1
    void put_columns(Host& host) const;
    struct Numbers
    {
        float base = 0, mean = 0, gain, less = 0, off = 0;
    };
    Numbers numbers(std::int64_t set) const; // of gx
    std::int64_t steps_;
    bool train_;
    float eps_;
    const float *x_, *g_, *mean_, *variance_, *w_, *scale_;
    float *sums_, *gx_;
};

} // namespace grilly
