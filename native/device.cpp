#include "device.hpp"

#include "calls.hpp"
#include "describe.hpp"

#include <stdexcept>

namespace grilly {

static const std::uint32_t LANES = 8; // of the kernels *-lanes; their workgroups have as many subgroups

Device::Device(std::uint32_t index, const std::string& cache, bool take)
  : instance_(shared_instance())
{
    auto found = physical_devices(*instance_);
    if (index >= found.size())
        throw std::runtime_error("there is no Vulkan device number " + std::to_string(index));
    install_calls(*instance_); // not before there is a driver
    physical_handle_ = found[index];

    auto families =
      get<PFN_vkGetPhysicalDeviceQueueFamilyProperties>("vkGetPhysicalDeviceQueueFamilyProperties");
    std::uint32_t count = 0;
    families(physical_handle_, &count, nullptr);
    std::vector<VkQueueFamilyProperties> properties(count);
    families(physical_handle_, &count, properties.data());
    while (family < count && !(properties[family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        family++;
    if (family == count)
        throw std::runtime_error("the device has no compute queue");

    const float priority = 1;
    VkDeviceQueueCreateInfo one{ VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO };
    one.queueFamilyIndex = family;
    one.queueCount = 1;
    one.pQueuePriorities = &priority;
    VkDeviceCreateInfo info{ VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO };
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &one;
    Features wanted(*instance_, physical_handle_, take);
    wanted.apply(info);
    auto create = get<PFN_vkCreateDevice>("vkCreateDevice");
    result_of("vkCreateDevice", [&] { return create(physical_handle_, &info, nullptr, &handle); });
    try {
        pipelines = std::make_shared<Pipelines>(*instance_, handle, cache);
    } catch (...) {
        get<PFN_vkDestroyDevice>("vkDestroyDevice")(handle, nullptr);
        throw;
    }
    Pipelines::add(handle, pipelines);
    const SubgroupSizes sizes = subgroup_sizes(*instance_, physical_handle_);
    pipelines->full_subgroups = wanted.has("subgroup size control");
    if (pipelines->full_subgroups && sizes.compute && sizes.least <= LANES && LANES <= sizes.most &&
        sizes.per_workgroup >= LANES)
        pipelines->lanes = LANES;
    get<PFN_vkGetDeviceQueue>("vkGetDeviceQueue")(handle, family, 0, &queue_handle);
    features = wanted.table;
    host_query_reset = wanted.has("host query reset");
    budget_ = wanted.has("memory budget");
    physical_ = vk::PhysicalDevice(physical_handle_);
    logical_ = vk::Device(handle);
    queue_ = vk::Queue(queue_handle);
}

Device::~Device()
{
    if (!handle)
        return;
    get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(handle); // the result changes nothing here
    pipelines.reset();
    Pipelines::remove(handle);
    get<PFN_vkDestroyDevice>("vkDestroyDevice")(handle, nullptr);
}

std::shared_ptr<vk::PhysicalDevice> Device::physical()
{
    return { shared_from_this(), &physical_ };
}

std::shared_ptr<vk::Device> Device::logical()
{
    return { shared_from_this(), &logical_ };
}

std::shared_ptr<vk::Queue> Device::queue()
{
    return { shared_from_this(), &queue_ };
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Device::memory_budget() const
{
    if (!budget_)
        return {};
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 memory{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2 };
    memory.pNext = &budget;
    get<PFN_vkGetPhysicalDeviceMemoryProperties2>("vkGetPhysicalDeviceMemoryProperties2")(physical_handle_, &memory);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    for (std::uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; i++)
        out.emplace_back(budget.heapBudget[i], budget.heapUsage[i]);
    return out;
}

void Device::wait_idle() const
{
    auto wait = get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle");
    result_of("vkDeviceWaitIdle", [&] { return wait(handle); });
}

} // namespace grilly
