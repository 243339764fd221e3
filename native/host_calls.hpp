// The calls that the host does: products through its BLAS.
#pragma once

#include "host.hpp"

namespace grilly {

// c (batch, m, n) = op(a) op(b) [+ bias (n,) in each row]. form 0: a (m, k), b (k, n); 1: b (n, k); 2: a (k, m).
// a_batch and b_batch are the elements between matrices, 0 to use one for all.
class HostProduct : public HostCall
{
  public:
    HostProduct(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    const float *a_, *b_, *bias_;
    float* c_;
    std::int64_t form_, batch_, m_, n_, k_, a_batch_, b_batch_;
};

} // namespace grilly
