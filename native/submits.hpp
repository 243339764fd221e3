// Work in flight: what was given to the queue and may still run.
#pragma once

#include "operations.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace grilly {

// Called with the interpreter lock held, by one thread at a time. Submits run in the order in which they are issued.
class Submits
{
  public:
    explicit Submits(std::shared_ptr<Device> device);
    ~Submits();
    Submits(const Submits&) = delete;
    Submits& operator=(const Submits&) = delete;

    // Gives each group of sequences to the queue as one submit, and returns at once. Nothing interrupts it halfway.
    void submit(const std::vector<std::vector<std::shared_ptr<Sequence>>>& groups);

    // Waits until submits 1 to `number` are done, without the interpreter lock; returns whether it had to. Signal
    // handlers run within a twentieth of a second, and what they raise is raised here: the work goes on.
    bool wait(std::uint64_t number);

    // Whether some of it still runs, by asking the device.
    bool busy() const;

    // Submits given to the queue, and those known to be done: only a wait learns of more, so that equal programs see
    // equal numbers.
    std::uint64_t issued() const { return issued_; }
    std::uint64_t finished() const { return finished_; }

  private:
    struct Flight
    {
        VkFence fence;
        std::vector<std::shared_ptr<Sequence>> sequences; // kept alive while they run
    };
    VkFence fence();
    void give_up();

    std::shared_ptr<Device> device_;
    std::deque<Flight> flights_; // the first is submit number finished_ + 1
    std::vector<VkFence> spare_;
    std::uint64_t issued_ = 0, finished_ = 0;
    PFN_vkQueueSubmit submit_;
    PFN_vkWaitForFences wait_;
    PFN_vkGetFenceStatus status_;
    PFN_vkResetFences reset_;
    PFN_vkCreateFence create_;
    PFN_vkDestroyFence destroy_;
};

} // namespace grilly
