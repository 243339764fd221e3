// Neurons over time, in passes of the host that keep a block's states in a core's first cache.
#pragma once

#include "host.hpp"

namespace grilly {

// What shaders/snn-lif.glsl does without adaptation and kept potentials, with the same bits.
class HostLif : public HostCall
{
  public:
    HostLif(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;
    struct Constants
    {
        std::int32_t hold_steps;
        float decay, gain, rest, threshold, reset;
    };

  private:
    void rest(std::int64_t at, std::int64_t n) const;
    std::int64_t n_, steps_;
    Constants c_;
    const float* x_;
    float *v_, *s_;
    std::int32_t* hold_; // null without a refractory time
};

// Exponential filters over time, y = y * decay + x in each step, from `start` or zero; `end` gets the last y.
class HostFilter : public HostCall
{
  public:
    HostFilter(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    std::int64_t n_, steps_;
    float decay_;
    const float *x_, *start_; // no start: null
    float *y_, *end_;
};

// And back: g = later + gy in each step, gx = g, later = g * decay, from `end` or zero; `start` gets the first `later`.
class HostFilterGrad : public HostCall
{
  public:
    HostFilterGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    std::int64_t n_, steps_;
    float decay_;
    const float *gy_, *end_; // none: null
    float *gx_, *start_;
};

} // namespace grilly
