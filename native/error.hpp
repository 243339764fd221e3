// A Vulkan call that failed, as an exception.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <stdexcept>
#include <string>

namespace grilly {

const char* result_name(VkResult result);

class VulkanError : public std::runtime_error
{
  public:
    VulkanError(const std::string& call, VkResult result)
      : std::runtime_error(call + ": " + result_name(result) + " (" + std::to_string((int)result) + ")")
      , result(result)
    {
    }
    const VkResult result;
};

// Throws for every error code; success codes, VK_INCOMPLETE and VK_TIMEOUT among them, are handed back.
inline VkResult check(const char* call, VkResult result)
{
    if (result < 0)
        throw VulkanError(call, result);
    return result;
}

} // namespace grilly
