// Squeeze and excite by passes of the host.
#pragma once

#include "host.hpp"

namespace grilly {

// What shaders/snn-excite.glsl does: x times a score for each group, and with `grad` the rest of x's gradient.  Rows are
// stretches of memory whose elements are of one group, or with `across` of neighbouring ones.
class HostExcite : public HostCall
{
  public:
    HostExcite(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void row(std::int64_t first) const;
    const float *x_, *score_, *g_;
    const std::uint32_t* where_;
    float* y_;
    std::int64_t n_, count_, row_, span_, turns_, beside_, whole_, inner_, inner_step_;
    bool grad_, across_;
    float scale_;
};

} // namespace grilly
