// Operations that are recorded into Kompute's sequences like its own.
#pragma once

#include "device.hpp"

#include <kompute/Algorithm.hpp>
#include <kompute/Sequence.hpp>
#include <kompute/operations/OpAlgoDispatch.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace grilly {

// An operation that does nothing before or after a submit.
class Operation : public kp::OpBase
{
  public:
    void preEval(const vk::CommandBuffer&) override {}
    void postEval(const vk::CommandBuffer&) override {}
};

// One global memory barrier.
class Barrier : public Operation
{
  public:
    enum class Where
    {
        Begin,   // of a submit: after what the host and earlier submits wrote
        Between, // dependent dispatches
        End      // of a submit: before what the host will read
    };
    explicit Barrier(Where where)
      : where_(where)
    {
    }
    void record(const vk::CommandBuffer& commands) override;

  private:
    Where where_;
};

// Kompute's dispatch of an Algorithm, without the barrier that it puts before each for every tensor: that one is for
// its transfers, which are not used here, and on some devices keeps independent dispatches from overlapping.
// With a `count` only those of its workgroups are run, from `first` on; groups() in the shader is the same number.
class Dispatch : public kp::OpAlgoDispatch
{
  public:
    Dispatch(std::shared_ptr<kp::Algorithm> algorithm, std::vector<std::uint32_t> push, std::uint32_t first = 0,
             std::uint32_t count = 0);
    void record(const vk::CommandBuffer& commands) override;

  private:
    std::shared_ptr<kp::Algorithm> algorithm_;
    std::vector<std::uint32_t> push_;
    std::uint32_t first_, count_;
};

// Device times, written by Stamp operations.
class Timestamps
{
  public:
    Timestamps(std::shared_ptr<Device> device, std::uint32_t count);
    ~Timestamps();
    Timestamps(const Timestamps&) = delete;
    Timestamps& operator=(const Timestamps&) = delete;
    std::vector<std::uint64_t> read() const; // ticks, once the submit is done

    const std::shared_ptr<Device> device;
    const std::uint32_t count;
    VkQueryPool pool = VK_NULL_HANDLE;
};

// Writes the time at which all commands before it are done. Number 0 also resets the others, where the host can't.
class Stamp : public Operation
{
  public:
    Stamp(std::shared_ptr<Timestamps> times, std::uint32_t number);
    void record(const vk::CommandBuffer& commands) override;

  private:
    std::shared_ptr<Timestamps> times_;
    std::uint32_t number_;
};

// What a submit is made of: sequences of the device, and work of the host between them (host.hpp).
class Piece
{
  public:
    virtual ~Piece() = default;
};

// Kompute's sequence of operations on a device. Submitted by Submits: Kompute's own submit waits, and drops its errors.
class Sequence : public Piece
{
  public:
    explicit Sequence(const std::shared_ptr<Device>& device); // recording has begun
    void record(const std::shared_ptr<kp::OpBase>& operation);
    VkCommandBuffer finished(); // recording has ended

  private:
    std::shared_ptr<kp::Sequence> sequence_;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;
};

} // namespace grilly
