#include "loader.hpp"

#include "error.hpp"

#include <mutex>
#include <stdexcept>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace grilly {

static PFN_vkGetInstanceProcAddr open_loader()
{
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
}

PFN_vkGetInstanceProcAddr loader()
{
    static PFN_vkGetInstanceProcAddr entry = nullptr;
    if (!entry)
        entry = open_loader(); // again at each use until there is one
    if (!entry)
        throw std::runtime_error("no Vulkan loader (libvulkan) could be opened");
    return entry;
}

Instance::Instance()
{
    auto create = (PFN_vkCreateInstance)loader()(nullptr, "vkCreateInstance");
    VkApplicationInfo application{ VK_STRUCTURE_TYPE_APPLICATION_INFO };
    application.pApplicationName = "grilly-vk";
    application.apiVersion = VK_API_VERSION_1_1;
    VkInstanceCreateInfo info{ VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
    info.pApplicationInfo = &application;
    VkResult result = create(&info, nullptr, &handle);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) // the loader's word for: no driver
        handle = VK_NULL_HANDLE;
    else
        check("vkCreateInstance", result);
}

Instance::~Instance()
{
    if (handle)
        get<PFN_vkDestroyInstance>("vkDestroyInstance")(handle, nullptr);
}

std::shared_ptr<Instance> shared_instance()
{
    static auto& mutex = *new std::mutex;
    static auto& current = *new std::weak_ptr<Instance>;
    std::lock_guard<std::mutex> guard(mutex);
    auto found = current.lock();
    if (!found)
        current = found = std::make_shared<Instance>();
    return found;
}

} // namespace grilly
