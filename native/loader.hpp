// The Vulkan loader, opened at run time: the module needs no libvulkan to be imported.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <memory>

namespace grilly {

// vkGetInstanceProcAddr. Throws std::runtime_error if there is no loader.
PFN_vkGetInstanceProcAddr loader();

// A Vulkan 1.1 instance. `handle` is null where the loader finds no driver at all.
class Instance
{
  public:
    Instance();
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    template<class F>
    F get(const char* name) const
    {
        return (F)loader()(handle, name);
    }

    VkInstance handle = VK_NULL_HANDLE;
};

// The instance that opened devices live in: made for the first, gone with the last.
std::shared_ptr<Instance> shared_instance();

} // namespace grilly
