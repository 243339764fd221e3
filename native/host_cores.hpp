// Cores with recurrent weights over all steps: samples are shared out, and each goes through time by itself.
#pragma once

#include "host.hpp"
#include "host_surrogate.hpp"

namespace grilly {

class HostRecurrent : public HostCall
{
  protected:
    using HostCall::HostCall;
    void sizes(const float* beta); // the first numbers
    // Calls samples(first sample, how many, beta of each unit or null, room for a number of each element).
    template<class F>
    void share(Host& host, F samples) const;

    std::int64_t rows_, units_, steps_, n_;
    bool each_; // one beta a unit
    float threshold_;
    const float* beta_; // null: no leak
};

// "if" and "lif": y[t] are the spikes of the potential v, h[t]; then v = beta * v + (x[t] + y[t] w) - y[t] * threshold.
class HostCore : public HostRecurrent
{
  public:
    HostCore(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    const float *x_, *before_, *w_;
    float *y_, *h_, *after_;
};

// And back, from the gradients of y and of the last potential: those of x, of the first potential, and of beta at each
// element, (rows, units).
class HostCoreGrad : public HostRecurrent
{
  public:
    HostCoreGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    HostSlope slope_;
    const float *h_, *w_, *gy_, *gafter_;
    float *gx_, *gbefore_, *gb_;
};

} // namespace grilly
