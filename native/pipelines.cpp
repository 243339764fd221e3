#include "pipelines.hpp"

#include "calls.hpp"
#include "loader.hpp"

namespace grilly {

namespace {

// Never destroyed: at the process's end the driver may be gone before its devices are.
std::mutex& registry_mutex = *new std::mutex;
auto& registry = *new std::map<VkDevice, std::shared_ptr<Pipelines>>;
auto& modules = *new std::map<std::pair<VkDevice, VkShaderModule>, std::string>; // SPIR-V of those that live

void append(std::string& key, const std::string& part)
{
    key += std::to_string(part.size()) + ':' + part;
}

const std::uint32_t BROADCASTS = 64, COOPERATIVE_MATRICES = 6022; // capabilities

// Whether the code declares a capability; they come first in a module.
bool declares(const std::string& code, std::uint32_t capability)
{
    const auto* words = (const std::uint32_t*)code.data();
    for (std::size_t at = 5; at + 1 < code.size() / 4 && (words[at] & 0xffff) == 17; at += words[at] >> 16)
        if (words[at + 1] == capability)
            return true;
    return false;
}

} // namespace

Pipelines::Pipelines(const Instance& instance, VkDevice device, const std::string& data)
  : device_(device)
  , create_(instance.get<PFN_vkCreateComputePipelines>("vkCreateComputePipelines"))
  , destroy_(instance.get<PFN_vkDestroyPipeline>("vkDestroyPipeline"))
  , destroy_cache_(instance.get<PFN_vkDestroyPipelineCache>("vkDestroyPipelineCache"))
  , data_(instance.get<PFN_vkGetPipelineCacheData>("vkGetPipelineCacheData"))
{
    auto create = instance.get<PFN_vkCreatePipelineCache>("vkCreatePipelineCache");
    VkPipelineCacheCreateInfo info{ VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };
    info.initialDataSize = data.size();
    info.pInitialData = data.data();
    result_of("vkCreatePipelineCache", [&] { return create(device, &info, nullptr, &cache_); });
}

Pipelines::~Pipelines()
{
    for (auto& entry : by_key_)
        destroy_(device_, entry.second, nullptr);
    destroy_cache_(device_, cache_, nullptr);
}

std::shared_ptr<Pipelines> Pipelines::of(VkDevice device)
{
    std::lock_guard<std::mutex> guard(registry_mutex);
    return registry.at(device);
}

void Pipelines::add(VkDevice device, std::shared_ptr<Pipelines> pipelines)
{
    std::lock_guard<std::mutex> guard(registry_mutex);
    registry[device] = std::move(pipelines);
}

void Pipelines::remove(VkDevice device)
{
    std::shared_ptr<Pipelines> last; // destroyed after the lock is gone
    std::lock_guard<std::mutex> guard(registry_mutex);
    last = std::move(registry[device]);
    registry.erase(device);
}

// Two pipelines are one if code and constants are: the layouts of their Algorithms follow from the code, so they are
// "identically defined", which is all that the Vulkan specification asks of a layout that is bound with a pipeline
// made for another (14.2.2, Pipeline Layout Compatibility).
VkResult Pipelines::get(const VkComputePipelineCreateInfo& info, VkPipeline* out)
{
    std::string key;
    VkComputePipelineCreateInfo own = info;
    own.flags |= VK_PIPELINE_CREATE_DISPATCH_BASE; // a dispatch may be cut in parts
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT size{
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT
    };
    {
        std::lock_guard<std::mutex> guard(registry_mutex);
        const std::string& code = modules.at({ device_, info.stage.module });
        append(key, code);
        if (full_subgroups && declares(code, COOPERATIVE_MATRICES)) // demanded of SPIR-V before 1.6
            own.stage.flags |= VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
        if (lanes && declares(code, BROADCASTS)) {
            size.pNext = (void*)own.stage.pNext;
            size.requiredSubgroupSize = lanes;
            own.stage.pNext = &size;
            own.stage.flags |= VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
        }
    }
    if (const VkSpecializationInfo* s = info.stage.pSpecializationInfo)
        append(key, std::string((const char*)s->pData, s->dataSize));
    std::lock_guard<std::mutex> guard(mutex_);
    auto found = by_key_.find(key);
    if (found == by_key_.end()) {
        VkPipeline pipeline = VK_NULL_HANDLE;
        VkResult result = create_(device_, cache_, 1, &own, nullptr, &pipeline);
        if (result < 0)
            return result;
        found = by_key_.emplace(key, pipeline).first;
        made_++;
    }
    *out = found->second;
    return VK_SUCCESS;
}

std::string Pipelines::cache() const
{
    std::size_t size = 0;
    result_of("vkGetPipelineCacheData", [&] { return data_(device_, cache_, &size, nullptr); });
    std::string data(size, '\0');
    result_of("vkGetPipelineCacheData", [&] { return data_(device_, cache_, &size, &data[0]); });
    data.resize(size);
    return data;
}

void Pipelines::note_module(VkDevice device, VkShaderModule module, const VkShaderModuleCreateInfo& info)
{
    std::lock_guard<std::mutex> guard(registry_mutex);
    modules[{ device, module }] = std::string((const char*)info.pCode, info.codeSize);
}

void Pipelines::forget_module(VkDevice device, VkShaderModule module)
{
    std::lock_guard<std::mutex> guard(registry_mutex);
    modules.erase({ device, module });
}

} // namespace grilly
