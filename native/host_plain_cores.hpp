// Cores without recurrent weights over all steps: neurons are shared out, and a block of them goes through time together.
#pragma once

#include "host.hpp"
#include "host_surrogate.hpp"

namespace grilly {

// What both ways have in common; the models are those of grilly_vk/equations/cores.py, by their place there.
class HostPlain : public HostCall
{
  protected:
    using HostCall::HostCall;
    void sizes(); // the first numbers
    // The constants of n neurons from `at` on, within [0, 1]; NaN stays.
    void spread(float* to, const float* constant, bool each, std::int64_t at, std::int64_t n) const;
    // Calls piece(neuron from `at` on, its state, how many) where n neurons' first states lie in one piece.
    template<class F>
    void pieces(std::int64_t at, std::int64_t n, F piece) const;

    enum Model { IF, LIF, LI, ALIF, CUBA };
    std::int64_t model_, n_, steps_, units_, last_;
    bool two_, each_b_, each_c_;
    float threshold_;
};

class HostPlainCore : public HostPlain
{
  public:
    HostPlainCore(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    struct Block;
    static void advance(const Block& of, std::int64_t n);
    const float *x_, *before_, *b_, *c_;
    float *y_, *h_, *u_, *after_;
};

// And back: the gradients of x, of the first state, and of beta and the second state's constant at each neuron.
class HostPlainCoreGrad : public HostPlain
{
  public:
    HostPlainCoreGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    struct Block;
    static void retreat(const Block& of, std::int64_t n);
    void finish(float* to, const float* sums, const float* constant, bool each, std::int64_t at, std::int64_t n) const;
    HostSlope slope_;
    const float *h_, *u_, *b_, *c_, *gy_, *gafter_;
    float *gx_, *gbefore_, *gb_, *gc_;
};

} // namespace grilly
