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
    std::int64_t n_, steps_;
    Constants c_;
    const float* x_;
    float *v_, *s_;
    std::int32_t* hold_; // null without a refractory time
};

} // namespace grilly
