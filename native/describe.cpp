// What a Vulkan device's driver says about it.
#include "describe.hpp"

#include "error.hpp"
#include "features.hpp"
#include "loader.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace grilly {

static py::dict limits_of(const VkPhysicalDeviceLimits& l)
{
    py::dict d;
    d["max_storage_buffer_range"] = l.maxStorageBufferRange;
    d["max_push_constants_size"] = l.maxPushConstantsSize;
    d["max_memory_allocation_count"] = l.maxMemoryAllocationCount;
    d["max_per_stage_descriptor_storage_buffers"] = l.maxPerStageDescriptorStorageBuffers;
    d["max_descriptor_set_storage_buffers"] = l.maxDescriptorSetStorageBuffers;
    d["max_per_stage_resources"] = l.maxPerStageResources;
    d["max_compute_shared_memory_size"] = l.maxComputeSharedMemorySize;
    d["max_compute_work_group_invocations"] = l.maxComputeWorkGroupInvocations;
    d["max_compute_work_group_count"] = py::make_tuple(
      l.maxComputeWorkGroupCount[0], l.maxComputeWorkGroupCount[1], l.maxComputeWorkGroupCount[2]);
    d["max_compute_work_group_size"] = py::make_tuple(
      l.maxComputeWorkGroupSize[0], l.maxComputeWorkGroupSize[1], l.maxComputeWorkGroupSize[2]);
    d["min_storage_buffer_offset_alignment"] = (std::uint64_t)l.minStorageBufferOffsetAlignment;
    d["non_coherent_atom_size"] = (std::uint64_t)l.nonCoherentAtomSize;
    return d;
}

static std::string version_text(std::uint32_t v)
{
    return std::to_string(VK_VERSION_MAJOR(v) & 0x7f) + "." + std::to_string(VK_VERSION_MINOR(v)) + "." +
           std::to_string(VK_VERSION_PATCH(v));
}

static std::string hex_of(const std::uint8_t (&bytes)[VK_UUID_SIZE])
{
    std::string text;
    for (std::uint8_t byte : bytes)
        text += { "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15] };
    return text;
}

py::dict describe(const Instance& instance, VkPhysicalDevice device)
{
    auto properties2 = instance.get<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2");
    auto memory = instance.get<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties");
    auto queues =
      instance.get<PFN_vkGetPhysicalDeviceQueueFamilyProperties>("vkGetPhysicalDeviceQueueFamilyProperties");

    VkPhysicalDeviceProperties2 p{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
    properties2(device, &p);
    const VkPhysicalDeviceProperties& base = p.properties;

    VkPhysicalDeviceDriverProperties driver{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES };
    VkPhysicalDeviceMaintenance3Properties largest{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES };
    VkPhysicalDeviceSubgroupProperties subgroup{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES };
    VkPhysicalDeviceProperties2 chain{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
    VkPhysicalDeviceIDProperties identity{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES };
    chain.pNext = &largest;
    largest.pNext = &identity;
    identity.pNext = &subgroup;
    if (base.apiVersion >= VK_API_VERSION_1_2) // driver properties entered the core there
        subgroup.pNext = &driver;
    properties2(device, &chain);

    py::dict d;
    d["name"] = std::string(base.deviceName);
    d["type"] = base.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU     ? "discrete"
                : base.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? "integrated"
                : base.deviceType == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU    ? "virtual"
                : base.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU            ? "cpu"
                                                                            : "other";
    d["vendor_id"] = base.vendorID;
    d["device_id"] = base.deviceID;
    d["api_version"] = version_text(base.apiVersion);
    d["driver_version"] = base.driverVersion;
    d["uuid"] = hex_of(identity.deviceUUID);
    d["pipeline_cache_uuid"] = hex_of(base.pipelineCacheUUID);
    d["driver_name"] = std::string(driver.driverName);
    d["driver_info"] = std::string(driver.driverInfo);
    d["subgroup_size"] = subgroup.subgroupSize;
    d["subgroup_ballot"] = (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0
                           && (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_BALLOT_BIT) != 0;
    const SubgroupSizes sizes = subgroup_sizes(instance, device);
    d["subgroup_sizes"] = py::make_tuple(sizes.most ? sizes.least : subgroup.subgroupSize,
                                         sizes.most ? sizes.most : subgroup.subgroupSize);
    d["subgroup_pinned"] = sizes.compute;
    py::list matrices;
    for (const MatrixSizes& one : matrix_sizes(instance, device))
        matrices.append(py::make_tuple(one.m, one.n, one.k));
    d["matrix_sizes"] = matrices;
    d["max_memory_allocation_size"] = (std::uint64_t)largest.maxMemoryAllocationSize;
    d["timestamp_period"] = base.limits.timestampPeriod; // nanoseconds a tick
    d["limits"] = limits_of(base.limits);

    VkPhysicalDeviceMemoryProperties m;
    memory(device, &m);
    py::list heaps, types, families;
    for (std::uint32_t i = 0; i < m.memoryHeapCount; i++)
        heaps.append(py::dict(py::arg("size") = (std::uint64_t)m.memoryHeaps[i].size,
                              py::arg("device_local") =
                                bool(m.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)));
    for (std::uint32_t i = 0; i < m.memoryTypeCount; i++) {
        VkMemoryPropertyFlags f = m.memoryTypes[i].propertyFlags;
        types.append(py::dict(py::arg("heap") = m.memoryTypes[i].heapIndex,
                              py::arg("device_local") = bool(f & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT),
                              py::arg("host_visible") = bool(f & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT),
                              py::arg("host_coherent") = bool(f & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT),
                              py::arg("host_cached") = bool(f & VK_MEMORY_PROPERTY_HOST_CACHED_BIT)));
    }
    std::uint32_t count = 0;
    queues(device, &count, nullptr);
    std::vector<VkQueueFamilyProperties> q(count);
    queues(device, &count, q.data());
    for (const auto& family : q)
        families.append(py::dict(py::arg("compute") = bool(family.queueFlags & VK_QUEUE_COMPUTE_BIT),
                                 py::arg("graphics") = bool(family.queueFlags & VK_QUEUE_GRAPHICS_BIT),
                                 py::arg("timestamp_bits") = family.timestampValidBits));
    d["heaps"] = heaps;
    d["memory_types"] = types;
    d["queue_families"] = families;
    return d;
}

std::vector<VkPhysicalDevice> physical_devices(const Instance& instance)
{
    if (!instance.handle)
        return {};
    auto enumerate = instance.get<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices");
    std::uint32_t count = 0;
    VkResult result = enumerate(instance.handle, &count, nullptr);
    if (result == VK_ERROR_INITIALIZATION_FAILED) // some loaders: drivers are listed, none starts
        return {};
    check("vkEnumeratePhysicalDevices", result);
    std::vector<VkPhysicalDevice> handles(count);
    check("vkEnumeratePhysicalDevices", enumerate(instance.handle, &count, handles.data()));
    handles.resize(count);
    return handles;
}

py::list devices()
{
    Instance instance;
    py::list out;
    for (VkPhysicalDevice handle : physical_devices(instance))
        out.append(describe(instance, handle));
    return out;
}

} // namespace grilly
