// The compute pipelines of a device, one for each kernel and set of specialization constants, however many Algorithms
// use it, and the cache that the driver keeps what it compiled in.
#pragma once

#include "error.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace grilly {

class Instance;

class Pipelines
{
  public:
    // `data`: what an earlier run's `cache` gave, or nothing. A driver ignores what is not its own.
    Pipelines(const Instance& instance, VkDevice device, const std::string& data);
    ~Pipelines();

    static std::shared_ptr<Pipelines> of(VkDevice device);
    static void add(VkDevice device, std::shared_ptr<Pipelines> pipelines);
    static void remove(VkDevice device);

    // The pipeline of this code and these constants; it lives as long as the device.
    VkResult get(const VkComputePipelineCreateInfo& info, VkPipeline* out);
    std::string cache() const;
    std::uint64_t made() const { return made_; }

    std::uint32_t lanes = 0; // the subgroup size of kernels that broadcast in subgroups; 0: can't be demanded
    bool full_subgroups = false; // can be demanded

    static void note_module(VkDevice device, VkShaderModule module, const VkShaderModuleCreateInfo& info);
    static void forget_module(VkDevice device, VkShaderModule module);

  private:
    std::mutex mutex_;
    VkDevice device_;
    VkPipelineCache cache_ = VK_NULL_HANDLE;
    std::map<std::string, VkPipeline> by_key_;
    std::uint64_t made_ = 0;
    PFN_vkCreateComputePipelines create_;
    PFN_vkDestroyPipeline destroy_;
    PFN_vkDestroyPipelineCache destroy_cache_;
    PFN_vkGetPipelineCacheData data_;
};

} // namespace grilly
