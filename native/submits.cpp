#include "submits.hpp"

#include "calls.hpp"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <system_error>
#include <thread>
#ifndef _WIN32
#include <pthread.h>
#endif

namespace py = pybind11;

namespace grilly {

static const std::uint64_t SLICE = 50 * 1000 * 1000; // nanoseconds between two looks for signals

// Takes the interpreter lock again. A daemon thread that does so at the interpreter's end would be ended there and then,
// by an exception of sorts that C++ answers with abort(); as newer Pythons do, it is left to sleep instead.
static void come_back(PyThreadState* thread)
{
#if PY_VERSION_HEX >= 0x030D0000
    const auto finalizing = Py_IsFinalizing;
#else
    const auto finalizing = _Py_IsFinalizing;
#endif
    while (finalizing())
        std::this_thread::sleep_for(std::chrono::hours(1));
    PyEval_RestoreThread(thread);
}

// Those with a thread. While they are held none of these begins anything.
static std::mutex working_mutex;
static std::vector<Submits*>& working()
{
    static auto* all = new std::vector<Submits*>; // the process's end uses it
    return *all;
}
static std::atomic<bool> held{ false };

// Before a fork and at the process's end: a BLAS stops its own threads in both, which must not find a product under way.
// Waits for what runs now. The threads that are waited for need nothing that the caller may have locked.
void Submits::hold()
{
    working_mutex.lock();
    held = true;
    for (Submits* one : working()) {
        std::unique_lock<std::mutex> lock(one->mutex_);
        one->less_.wait(lock, [one] { return !one->at_work_; });
    }
}

void Submits::go_on()
{
    held = false;
    for (Submits* one : working()) {
        std::lock_guard<std::mutex> lock(one->mutex_);
        one->more_.notify_all();
    }
    working_mutex.unlock();
}

Submits::Submits(std::shared_ptr<Device> device)
  : device_(std::move(device))
  , submit_(device_->get<PFN_vkQueueSubmit>("vkQueueSubmit"))
  , wait_(device_->get<PFN_vkWaitForFences>("vkWaitForFences"))
  , status_(device_->get<PFN_vkGetFenceStatus>("vkGetFenceStatus"))
  , reset_(device_->get<PFN_vkResetFences>("vkResetFences"))
  , create_(device_->get<PFN_vkCreateFence>("vkCreateFence"))
  , destroy_(device_->get<PFN_vkDestroyFence>("vkDestroyFence"))
{
}

Submits::~Submits()
{
    give_up();
    if (thread_) {
        {
            std::lock_guard<std::mutex> guard(mutex_);
            stop_ = true;
        }
        more_.notify_all();
        thread_->join();
        std::lock_guard<std::mutex> guard(working_mutex);
        working().erase(std::find(working().begin(), working().end(), this));
    }
    if (between_)
        destroy_(device_->handle, between_, nullptr);
    for (VkFence one : spare_)
        destroy_(device_->handle, one, nullptr);
}

VkFence Submits::fence()
{
    if (spare_.empty()) {
        VkFenceCreateInfo info{ VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
        VkFence made = VK_NULL_HANDLE;
        result_of("vkCreateFence", [&] { return create_(device_->handle, &info, nullptr, &made); });
        return made;
    }
    VkFence one = spare_.back();
    spare_.pop_back();
    return one;
}

void Submits::submit(const std::vector<VkCommandBuffer>& commands, VkFence fence)
{
    VkSubmitInfo info{ VK_STRUCTURE_TYPE_SUBMIT_INFO };
    info.commandBufferCount = (std::uint32_t)commands.size();
    info.pCommandBuffers = commands.data();
    running_ = true;
    result_of("vkQueueSubmit", [&] { return submit_(device_->queue_handle, 1, &info, fence); });
}

void Submits::begin()
{
    static const bool watched = [] { // later than the BLAS did so, which makes it the first to be called
#ifndef _WIN32
        pthread_atfork(hold, go_on, [] {
            working().clear(); // a child has none of these threads
            go_on();
        });
#endif
        std::atexit([] {
            hold();
            working_mutex.unlock(); // but held they stay
        });
        return true;
    }();
    (void)watched;
    if (!between_)
        between_ = fence();
    std::lock_guard<std::mutex> guard(working_mutex);
    working().reserve(working().size() + 1);
    try {
        thread_ = std::make_unique<std::thread>([this] { work(); });
    } catch (const std::system_error&) {
        throw VulkanError("a thread for the host's calls", VK_ERROR_OUT_OF_HOST_MEMORY);
    }
    working().push_back(this);
}

void Submits::submit(const std::vector<std::vector<std::shared_ptr<Piece>>>& groups)
{
    for (const auto& group : groups) {
        bool direct = true;
        std::vector<VkCommandBuffer> commands;
        for (const auto& piece : group)
            if (auto* sequence = dynamic_cast<Sequence*>(piece.get()))
                commands.push_back(sequence->finished());
            else
                direct = false;
        {
            std::lock_guard<std::mutex> guard(mutex_);
            if (error_)
                std::rethrow_exception(error_);
            direct = direct && jobs_.empty();
        }
        const bool device_last = !group.empty() && dynamic_cast<Sequence*>(group.back().get());
        Flight flight{ device_last ? fence() : VK_NULL_HANDLE, group, direct };
        if (direct) {
            try {
                submit(commands, flight.fence);
            } catch (...) {
                destroy_(device_->handle, flight.fence, nullptr);
                throw;
            }
            flights_.push_back(std::move(flight));
        } else {
            if (!thread_) {
                begin();
            }
            flights_.push_back(std::move(flight));
            {
                std::lock_guard<std::mutex> guard(mutex_);
                jobs_.push_back(&flights_.back()); // stays where it is: only the first of a deque is ever taken out
            }
            more_.notify_one();
        }
        issued_++;
    }
}

// The thread's: the pieces of a flight in their order.
void Submits::hand(Flight& flight)
{
    std::vector<VkCommandBuffer> commands;
    for (const auto& piece : flight.pieces) {
        if (auto* sequence = dynamic_cast<Sequence*>(piece.get())) {
            commands.push_back(sequence->finished());
            continue;
        }
        if (!commands.empty() || running_) {
            submit(commands, between_);
            commands.clear();
            result_of("vkWaitForFences", [&] { return wait_(device_->handle, 1, &between_, VK_TRUE, UINT64_MAX); });
            result_of("vkResetFences", [&] { return reset_(device_->handle, 1, &between_); });
            running_ = false;
        }
        static_cast<HostWork&>(*piece).run();
    }
    if (!commands.empty())
        submit(commands, flight.fence);
}

void Submits::work()
{
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        more_.wait(lock, [this] { return stop_ || (!jobs_.empty() && (!held || dropping_)); });
        if (stop_)
            return;
        Flight& flight = *jobs_.front();
        if (!error_ && !dropping_) {
            at_work_ = true;
            lock.unlock();
            std::exception_ptr failed;
            try {
                hand(flight);
            } catch (const VulkanError&) {
                failed = std::current_exception();
            } catch (const std::bad_alloc&) { // to the caller, the same: work was lost
                failed = std::make_exception_ptr(VulkanError("a call of the host", VK_ERROR_OUT_OF_HOST_MEMORY));
            } catch (const std::exception& error) {
                failed = std::make_exception_ptr(
                  VulkanError(std::string("a call of the host: ") + error.what(), VK_ERROR_UNKNOWN));
            }
            lock.lock();
            at_work_ = false;
            if (failed)
                error_ = failed;
        }
        flight.handed = true;
        jobs_.pop_front();
        less_.notify_all();
    }
}

bool Submits::handed(const Flight& flight) const
{
    std::lock_guard<std::mutex> guard(mutex_);
    return flight.handed;
}

bool Submits::wait(std::uint64_t number)
{
    bool waited = false;
    while (finished_ < number && !flights_.empty()) {
        if (!handed(flights_.front())) {
            waited = true;
            PyThreadState* thread = PyEval_SaveThread();
            {
                std::unique_lock<std::mutex> lock(mutex_);
                const Flight& flight = flights_.front();
                less_.wait_for(lock, std::chrono::nanoseconds(SLICE), [&] { return flight.handed; });
            }
            come_back(thread);
            if (PyErr_CheckSignals() != 0)
                throw py::error_already_set();
            continue; // a handler may have waited for this one itself
        }
        VkFence fence = flights_.front().fence;
        try {
            {
                std::lock_guard<std::mutex> guard(mutex_);
                if (error_)
                    std::rethrow_exception(error_);
            }
            if (fence) {
                VkResult result =
                  result_of("vkWaitForFences", [&] { return wait_(device_->handle, 1, &fence, VK_TRUE, 0); });
                if (result == VK_TIMEOUT) {
                    waited = true;
                    PyThreadState* thread = PyEval_SaveThread();
                    result = wait_(device_->handle, 1, &fence, VK_TRUE, SLICE);
                    come_back(thread);
                    if (check("vkWaitForFences", result) == VK_TIMEOUT) {
                        if (PyErr_CheckSignals() != 0)
                            throw py::error_already_set();
                        continue;
                    }
                }
            }
        } catch (const py::error_already_set&) {
            throw;
        } catch (...) {
            give_up(); // the device is lost: nothing of this will ever be done
            throw;
        }
        if (fence) {
            result_of("vkResetFences", [&] { return reset_(device_->handle, 1, &fence); });
            spare_.push_back(fence);
        }
        Flight done = std::move(flights_.front()); // its pieces may be gone with it
        flights_.pop_front();
        finished_++;
    }
    return waited;
}

bool Submits::busy() const
{
    if (flights_.empty())
        return false;
    const Flight& last = flights_.back();
    return !handed(last) || (last.fence && result_of("vkGetFenceStatus", [&] {
                                 return status_(device_->handle, last.fence);
                             }) == VK_NOT_READY);
}

// After a failed wait, or at the end. A lost device answers at once; any other error left the work running.
void Submits::give_up()
{
    {
        std::unique_lock<std::mutex> lock(mutex_);
        dropping_ = true;
        more_.notify_all();
        less_.wait(lock, [this] { return jobs_.empty(); });
        dropping_ = false;
        error_ = nullptr;
    }
    if (!flights_.empty())
        device_->get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(device_->handle);
    for (Flight& flight : flights_)
        if (flight.fence)
            destroy_(device_->handle, flight.fence, nullptr);
    flights_.clear();
    finished_ = issued_;
}

} // namespace grilly
