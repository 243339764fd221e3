// What is asked of a device beyond Vulkan 1.1, where it has it. Nothing here is needed.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace grilly {

class Instance;

struct Feature
{
    std::string name;      // as `info` prints it
    std::string extension; // empty: core of Vulkan 1.1
    std::string purpose;   // who needs it
    bool offered = false;
    bool taken = false;
};

// Fills VkDeviceCreateInfo. Lives until the device is made.
class Features
{
  public:
    Features(const Instance& instance, VkPhysicalDevice device, bool take);
    Features(const Features&) = delete;
    Features& operator=(const Features&) = delete;
    void apply(VkDeviceCreateInfo& info);
    bool has(const char* name) const;

    std::vector<Feature> table;

  private:
    VkPhysicalDeviceFeatures2 base_{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 };
    std::deque<std::vector<std::uint64_t>> storage_; // the structures that it points to
    std::vector<const char*> extensions_;
};

// What VK_EXT_subgroup_size_control says; all 0 without it.
struct SubgroupSizes
{
    std::uint32_t least = 0, most = 0, per_workgroup = 0;
    bool compute = false; // a size can be demanded of compute kernels
};
SubgroupSizes subgroup_sizes(const Instance& instance, VkPhysicalDevice device);

// Sizes of the products m x k times k x n of float16 matrices with float32 sums that a subgroup takes on matrix units.
struct MatrixSizes
{
    std::uint32_t m, n, k;
};
std::vector<MatrixSizes> matrix_sizes(const Instance& instance, VkPhysicalDevice device);

} // namespace grilly
