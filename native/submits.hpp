// Work in flight: what was given to the queue and may still run.
#pragma once

#include "host.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
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

    // Gives each group to the queue as one submit, and returns at once. Nothing interrupts it halfway. A group with
    // work of the host, and those behind it, are done by a thread: it waits for the device where the host goes on, and
    // an error that it meets is thrown by the next wait or submit.
    void submit(const std::vector<std::vector<std::shared_ptr<Piece>>>& groups);

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
        VkFence fence;                              // of its last work on the device; null where the host's comes last
        std::vector<std::shared_ptr<Piece>> pieces; // kept alive while they run
        bool handed = true;                         // all of it was given to the device, and the host's share is done
    };
    VkFence fence();
    void submit(const std::vector<VkCommandBuffer>& commands, VkFence fence);
    void begin();
    void hand(Flight& flight);
    void work();
    bool handed(const Flight& flight) const;
    void give_up();
    static void hold();
    static void go_on();

    std::shared_ptr<Device> device_;
    std::deque<Flight> flights_; // the first is submit number finished_ + 1
    // Of the thread, and guarded by the mutex: flights that it has to hand over, and what it met.
    mutable std::mutex mutex_;
    std::condition_variable more_, less_;
    std::deque<Flight*> jobs_;
    std::exception_ptr error_;
    bool dropping_ = false, stop_ = false, at_work_ = false;
    std::unique_ptr<std::thread> thread_; // from the first work of the host on
    bool running_ = false;                // work was given to the device that nobody has waited for
    VkFence between_ = VK_NULL_HANDLE;    // the thread's own, for the host to go on
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
