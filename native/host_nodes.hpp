// Spiking nodes over time, in passes of the host that keep a block's states in a core's first cache.
#pragma once

#include "host.hpp"
#include "host_surrogate.hpp"

namespace grilly {

struct NodeConstants
{
    bool leaks, decay_input, hard, strict; // leaks: "lif", else "if"
    float k, rest, threshold, reset;
};

// What shaders/snn-node-forward.glsl does for "if" and "lif" with settings that all neurons share, with the same bits.
class HostNode : public HostCall
{
  public:
    HostNode(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void lines(float* to) const;
    void spread(float* to, const float* lines, std::int64_t first, std::int64_t n) const;
    std::int64_t n_, steps_, inner_, channels_, norm_; // norm: 1: a table for all steps, 2: one for each
    NodeConstants c_;
    float v_init_;
    const float *x_, *v0_, *table_, *scale_;
    float *s_, *h_, *v_;
};

// What shaders/snn-node-backward.glsl does for them, with surrogates that need no exponential.
class HostNodeGrad : public HostCall
{
  public:
    HostNodeGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    std::int64_t n_, steps_;
    NodeConstants c_;
    bool detach_;
    HostSlope slope_;
    const float *h_, *gs_, *gend_;
    float *gx_, *gv_;
};

} // namespace grilly
