#include "submits.hpp"

#include "calls.hpp"

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>

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

void Submits::submit(const std::vector<std::vector<std::shared_ptr<Sequence>>>& groups)
{
    for (const auto& group : groups) {
        std::vector<VkCommandBuffer> commands;
        for (const auto& sequence : group)
            commands.push_back(sequence->finished());
        VkSubmitInfo info{ VK_STRUCTURE_TYPE_SUBMIT_INFO };
        info.commandBufferCount = (std::uint32_t)commands.size();
        info.pCommandBuffers = commands.data();
        Flight flight{ fence(), group };
        try {
            result_of("vkQueueSubmit", [&] { return submit_(device_->queue_handle, 1, &info, flight.fence); });
        } catch (...) {
            destroy_(device_->handle, flight.fence, nullptr);
            throw;
        }
        flights_.push_back(std::move(flight));
        issued_++;
    }
}

bool Submits::wait(std::uint64_t number)
{
    bool waited = false;
    while (finished_ < number && !flights_.empty()) {
        VkFence fence = flights_.front().fence;
        try {
            VkResult result = result_of("vkWaitForFences", [&] { return wait_(device_->handle, 1, &fence, VK_TRUE, 0); });
            if (result == VK_TIMEOUT) {
                waited = true;
                PyThreadState* thread = PyEval_SaveThread();
                result = wait_(device_->handle, 1, &fence, VK_TRUE, SLICE);
                come_back(thread);
                if (check("vkWaitForFences", result) == VK_TIMEOUT) {
                    if (PyErr_CheckSignals() != 0)
                        throw py::error_already_set();
                    continue; // a handler may have waited for this one itself
                }
            }
        } catch (const VulkanError&) {
            give_up(); // the device is lost: nothing of this will ever be done
            throw;
        }
        result_of("vkResetFences", [&] { return reset_(device_->handle, 1, &fence); });
        spare_.push_back(fence);
        Flight done = std::move(flights_.front()); // its sequences may be gone with it
        flights_.pop_front();
        finished_++;
    }
    return waited;
}

bool Submits::busy() const
{
    return !flights_.empty() &&
           result_of("vkGetFenceStatus", [&] { return status_(device_->handle, flights_.back().fence); }) ==
             VK_NOT_READY;
}

// After a failed wait, or at the end. A lost device answers at once; any other error left the work running.
void Submits::give_up()
{
    if (!flights_.empty())
        device_->get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(device_->handle);
    for (Flight& flight : flights_)
        destroy_(device_->handle, flight.fence, nullptr);
    flights_.clear();
    finished_ = issued_;
}

} // namespace grilly
