// A weight and a delay for each connection: inputs are laid out with time and samples innermost, so that a delay is a
// distance in memory, and each connection is read once, however many delays there are.
#pragma once

#include "host.hpp"

namespace grilly {

class HostDelayed : public HostCall
{
  protected:
    using HostCall::HostCall;
    void sizes(std::int64_t rows); // the first numbers; the result, or what is summed over, has so many rows
    struct Rows // of a tensor (steps, batch, units), after `front` rows of `past` or zeros, ahead of zeros
    {
        const float *x, *past;
        std::int64_t front, steps, units;
    };
    // Columns [from, from + width) of all units, each `room` floats after the other.
    void lay_out(const Rows& rows, std::int64_t first, std::int64_t units, std::int64_t from, std::int64_t width,
                 std::int64_t room, float* to) const;
    // Whole steps of a connection's delay, and the share of the step before them.
    std::int64_t lag(std::int64_t connection, float& share) const;

    std::int64_t steps_, batch_, ins_, outs_, most_;
    std::int64_t span_, tile_, room_; // columns of the longest delay, of a tile, and of that with what came before it
    bool real_;
    const float *w_, *d_;
};

// y (rows, batch, outs) = bias + the sum of w * x[row - delay]; with `adjoint` y (rows, batch, ins) from x, the gradient
// (steps, batch, outs), the other way round.
class HostDelay : public HostDelayed
{
  public:
    HostDelay(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void some(float* scratch, std::int64_t first, std::int64_t last) const; // of y's units
    Rows source_;
    std::int64_t rows_, own_;
    bool adjoint_;
    const float* bias_;
    float* y_;
};

// Gradients of w and, of real delays, d, from x with what was before it and g, the gradient of the result.
class HostDelayGrad : public HostDelayed
{
  public:
    HostDelayGrad(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void some(float* scratch, std::int64_t first, std::int64_t last) const; // of the outputs
    Rows x_, g_;
    float *gw_, *gd_;
};

} // namespace grilly
