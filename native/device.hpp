// An opened device with its compute queue. Kompute's objects are made on it and keep it alive.
#pragma once

#include "features.hpp"
#include "loader.hpp"
#include "pipelines.hpp"

#include <vulkan/vulkan.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace grilly {

class Device : public std::enable_shared_from_this<Device>
{
  public:
    // Opens the device of this number, with the driver's pipeline cache of an earlier run ("": none), and with the
    // optional features that it offers or with none.
    Device(std::uint32_t index, const std::string& cache, bool features);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    // For Kompute's constructors: pointers that hold on to this object.
    std::shared_ptr<vk::PhysicalDevice> physical();
    std::shared_ptr<vk::Device> logical();
    std::shared_ptr<vk::Queue> queue();

    // (bytes that the driver would still give or has given, bytes given) of each heap; empty without the extension.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> memory_budget() const;
    void wait_idle() const;

    template<class F>
    F get(const char* name) const
    {
        return instance_->get<F>(name);
    }

    std::uint32_t family = 0; // of the queue
    std::vector<Feature> features;
    bool host_query_reset = false;
    std::shared_ptr<Pipelines> pipelines;
    VkDevice handle = VK_NULL_HANDLE;
    VkQueue queue_handle = VK_NULL_HANDLE;

  private:
    std::shared_ptr<Instance> instance_;
    VkPhysicalDevice physical_handle_ = VK_NULL_HANDLE;
    bool budget_ = false;
    vk::PhysicalDevice physical_;
    vk::Device logical_;
    vk::Queue queue_;
};

} // namespace grilly
