// Gates of Q-K attention by passes of the host; x (rows, 2 D) holds q beside k, and a row is a token.
#pragma once

#include "host.hpp"

namespace grilly {

class HostGated : public HostCall
{
  protected:
    using HostCall::HostCall;
    void sizes(); // the numbers
    // A gate is of a head's channels in a token (`size` of them), or of a channel in a sequence of `tokens`.
    std::int64_t rows_, d_, size_, tokens_;
    bool by_token_, grad_;
    std::int64_t gates_; // in all
};

// What shaders/snn-token-sum.glsl and snn-channel-sum.glsl do: y, sums of q; or with `grad` of gy * k, and gy * gate in the
// right half of gx.
class HostGateSums : public HostGated
{
  public:
    HostGateSums(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    const float *x_, *gy_, *gate_;
    float *y_, *gx_;
};

// What shaders/snn-gate.glsl does: y = k * gate; or with `grad` gates into the left half of y (rows, 2 D).
class HostGate : public HostGated
{
  public:
    HostGate(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    const float *x_, *gate_;
    float* y_;
};

} // namespace grilly
