// NeuNorm by passes of the host, which read x once from memory for its mean and for what the mean is taken off.
#pragma once

#include "host.hpp"

namespace grilly {

class HostMeanOff : public HostCall
{
  protected:
    using HostCall::HostCall;
    void sizes(); // the first numbers and factors
    // Calls item(member, which of `items`, first pixel, how many pixels) for all; rows are cut where items are few.
    template<class F>
    void share_out(Host& host, std::int64_t items, F item) const;
    std::int64_t steps_, samples_, channels_, inner_; // of x (steps, samples, channels, inner)
    std::int64_t apart_;                              // floats from a channel's weights to the next one's, or 0
    float k_, share_;
};

// What shaders/snn-neu-norm.glsl does, with the same bits.
class HostNeuNorm : public HostMeanOff
{
  public:
    HostNeuNorm(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void sample(std::int64_t sample, std::int64_t from, std::int64_t n, float* rows) const;
    float start_;
    const float *x_, *w_, *m0_; // no first state: null
    float *y_, *trace_, *m_;    // states are not kept: null
};

// What snn-neu-norm-grad.glsl and, with `learn`, snn-neu-norm-grad-weight.glsl do; gw is written whole, as of one weight
// for all channels where they share it.  partial holds what each of `parts` stretches of samples adds to it.
class HostNeuNormGrad : public HostMeanOff
{
  public:
    HostNeuNormGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void sample(std::int64_t sample, std::int64_t from, std::int64_t n, float* rows, float* gw) const;
    void add_up(std::int64_t first, std::int64_t last) const;
    std::int64_t parts_, weights_;
    const float *g_, *w_, *end_, *trace_; // no gradient of the last state: null
    float *gx_, *gm_, *partial_, *gw_;
};

} // namespace grilly
