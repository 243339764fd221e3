// The two things Kompute's Python module cannot do: look at the Vulkan devices without crashing when
// there is none, and record a compute-to-compute memory barrier.  Vulkan is opened at run time, so that
// importing this module needs no loader.
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace py = pybind11;

namespace vk {
class CommandBuffer; // Vulkan-Hpp's handle class: exactly one VkCommandBuffer
}

namespace kp {
// Kompute 0.9.0's operation interface, declared here because its wheel ships no headers: a virtual
// destructor and three virtuals, in this order.
class OpBase
{
  public:
    virtual ~OpBase() {}
    virtual void record(const vk::CommandBuffer& commands) = 0;
    virtual void preEval(const vk::CommandBuffer& commands) = 0;
    virtual void postEval(const vk::CommandBuffer& commands) = 0;
};
} // namespace kp

namespace {

PFN_vkGetInstanceProcAddr loader()
{
    static PFN_vkGetInstanceProcAddr entry = []() -> PFN_vkGetInstanceProcAddr {
#ifdef _WIN32
        HMODULE library = LoadLibraryA("vulkan-1.dll");
        return library ? (PFN_vkGetInstanceProcAddr)GetProcAddress(library, "vkGetInstanceProcAddr") : nullptr;
#else
#ifdef __APPLE__
        const char* names[] = { "libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib" };
#else
        const char* names[] = { "libvulkan.so.1", "libvulkan.so" };
#endif
        for (const char* name : names)
            if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL))
                return (PFN_vkGetInstanceProcAddr)dlsym(library, "vkGetInstanceProcAddr");
        return nullptr;
#endif
    }();
    if (!entry)
        throw std::runtime_error("no Vulkan loader (libvulkan) could be opened");
    return entry;
}

// An instance for the length of one query.
struct Instance
{
    VkInstance handle = VK_NULL_HANDLE;

    Instance()
    {
        auto create = (PFN_vkCreateInstance)loader()(nullptr, "vkCreateInstance");
        VkApplicationInfo application{ VK_STRUCTURE_TYPE_APPLICATION_INFO };
        application.pApplicationName = "grilly-vk";
        application.apiVersion = VK_API_VERSION_1_1;
        VkInstanceCreateInfo info{ VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
        info.pApplicationInfo = &application;
        VkResult result = create(&info, nullptr, &handle);
        // The loader answers so when it finds no driver at all.
        if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
            handle = VK_NULL_HANDLE;
        else if (result != VK_SUCCESS)
            throw std::runtime_error("vkCreateInstance failed with VkResult " + std::to_string(result));
    }

    ~Instance()
    {
        if (handle)
            get<PFN_vkDestroyInstance>("vkDestroyInstance")(handle, nullptr);
    }

    template<class F>
    F get(const char* name) const
    {
        return (F)loader()(handle, name);
    }
};

py::dict limits_of(const VkPhysicalDeviceLimits& l)
{
    py::dict d;
    d["max_storage_buffer_range"] = l.maxStorageBufferRange;
    d["max_push_constants_size"] = l.maxPushConstantsSize;
    d["max_memory_allocation_count"] = l.maxMemoryAllocationCount;
    d["max_per_stage_descriptor_storage_buffers"] = l.maxPerStageDescriptorStorageBuffers;
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

std::string version_text(std::uint32_t v)
{
    return std::to_string(VK_VERSION_MAJOR(v) & 0x7f) + "." + std::to_string(VK_VERSION_MINOR(v)) + "." +
           std::to_string(VK_VERSION_PATCH(v));
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
    chain.pNext = &largest;
    largest.pNext = &subgroup;
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
    d["driver_name"] = std::string(driver.driverName);
    d["driver_info"] = std::string(driver.driverInfo);
    d["subgroup_size"] = subgroup.subgroupSize;
    d["subgroup_ballot"] = (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0
                           && (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_BALLOT_BIT) != 0;
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

py::list devices()
{
    py::list out;
    Instance instance;
    if (!instance.handle)
        return out;
    auto enumerate = instance.get<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices");
    std::uint32_t count = 0;
    VkResult result = enumerate(instance.handle, &count, nullptr);
    if (result == VK_ERROR_INITIALIZATION_FAILED) // some loaders: drivers are listed, none starts
        return out;
    if (result != VK_SUCCESS)
        throw std::runtime_error("vkEnumeratePhysicalDevices failed with VkResult " + std::to_string(result));
    std::vector<VkPhysicalDevice> handles(count);
    enumerate(instance.handle, &count, handles.data());
    for (VkPhysicalDevice handle : handles)
        out.append(describe(instance, handle));
    return out;
}

// One global memory barrier, recorded like any Kompute operation.
class Barrier : public kp::OpBase
{
  public:
    enum class Where { Begin, Between, End };

    explicit Barrier(Where where)
      : where_(where)
    {
        barrier_ = (PFN_vkCmdPipelineBarrier)loader()(handle_for_lookup(), "vkCmdPipelineBarrier");
        if (!barrier_)
            throw std::runtime_error("the Vulkan loader has no vkCmdPipelineBarrier");
    }

    void record(const vk::CommandBuffer& commands) override
    {
        const VkPipelineStageFlags device =
          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
        const VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
        const VkAccessFlags all =
          writes | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
        VkMemoryBarrier memory{ VK_STRUCTURE_TYPE_MEMORY_BARRIER };
        VkPipelineStageFlags from = device, to = device;
        memory.srcAccessMask = writes;
        memory.dstAccessMask = all;
        if (where_ == Where::Begin) { // what the host and earlier submissions wrote
            from |= VK_PIPELINE_STAGE_HOST_BIT;
            memory.srcAccessMask |= VK_ACCESS_HOST_WRITE_BIT;
        } else if (where_ == Where::End) { // what the host will read
            to = VK_PIPELINE_STAGE_HOST_BIT;
            memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT;
        }
        barrier_(reinterpret_cast<const VkCommandBuffer&>(commands), from, to, 0, 1, &memory, 0, nullptr, 0, nullptr);
    }
    void preEval(const vk::CommandBuffer&) override {}
    void postEval(const vk::CommandBuffer&) override {}

  private:
    // The loader hands out device-level trampolines for any live instance; ours lives as long as the process.
    static VkInstance handle_for_lookup()
    {
        static Instance* instance = new Instance;
        return instance->handle;
    }

    Where where_;
    PFN_vkCmdPipelineBarrier barrier_ = nullptr;
};

} // namespace

PYBIND11_MODULE(_native, m)
{
    m.doc() = "Vulkan device query, and the barrier operation that Kompute lacks.";
    m.def("devices", &devices, "What every Vulkan device says of itself, as a list of dicts; [] without a driver.");
    m.def(
      "bind_barrier",
      [](py::module_ self) {
          py::module_::import("kp"); // registers kp.OpBase, if built with a matching pybind11
          py::class_<Barrier, kp::OpBase, std::shared_ptr<Barrier>> cls(self, "Barrier");
          py::enum_<Barrier::Where>(cls, "Where")
            .value("BEGIN", Barrier::Where::Begin)
            .value("BETWEEN", Barrier::Where::Between)
            .value("END", Barrier::Where::End);
          cls.def(py::init<Barrier::Where>());
      },
      "Defines Barrier, a kp.OpBase; raises ImportError/RuntimeError where kp was built with another pybind11.");
    m.attr("pybind11_internals") = PYBIND11_INTERNALS_ID;
}
