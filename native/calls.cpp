#include "calls.hpp"

#include "loader.hpp"
#include "pipelines.hpp"

#include <vulkan/vulkan.hpp>

#include <atomic>
#include <mutex>

VULKAN_HPP_DEFAULT_DISPATCH_LOADER_DYNAMIC_STORAGE

namespace grilly {

namespace {

#define TABLE VULKAN_HPP_DEFAULT_DISPATCHER

thread_local Scope* innermost = nullptr;

// The entries as the loader gave them.
struct
{
    PFN_vkCreateBuffer createBuffer;
    PFN_vkAllocateMemory allocateMemory;
    PFN_vkBindBufferMemory bindBufferMemory;
    PFN_vkGetBufferMemoryRequirements bufferMemoryRequirements;
    PFN_vkUpdateDescriptorSets updateDescriptorSets;
    PFN_vkFreeCommandBuffers freeCommandBuffers;
    PFN_vkMapMemory mapMemory;
    PFN_vkCreateDescriptorPool createDescriptorPool;
    PFN_vkCreateDescriptorSetLayout createDescriptorSetLayout;
    PFN_vkAllocateDescriptorSets allocateDescriptorSets;
    PFN_vkCreateShaderModule createShaderModule;
    PFN_vkDestroyShaderModule destroyShaderModule;
    PFN_vkCreatePipelineLayout createPipelineLayout;
    PFN_vkCreatePipelineCache createPipelineCache;
    PFN_vkCreateCommandPool createCommandPool;
    PFN_vkAllocateCommandBuffers allocateCommandBuffers;
    PFN_vkBeginCommandBuffer beginCommandBuffer;
    PFN_vkEndCommandBuffer endCommandBuffer;
} original;

// Makes a call of Kompute's: its result, which Vulkan-Hpp throws or Kompute drops, is noted. (Throwing from here would
// end the process: much of Vulkan-Hpp is noexcept.)
template<class F>
VkResult ask(const char* call, F make)
{
    VkResult result;
    if (Scope::ended(result))
        return result;
    if (!failing(call, result))
        result = make();
    if (result < 0)
        Scope::failed(call, result);
    return result;
}

// The same for a call that makes an object.
template<class Handle, class Destroy, class F>
VkResult make(const char* call, VkDevice device, Handle* out, Destroy destroy, F create)
{
    VkResult result = ask(call, create);
    if (result >= 0)
        Scope::made([=, handle = *out] { destroy(device, handle, nullptr); });
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL
createBuffer(VkDevice device, const VkBufferCreateInfo* info, const VkAllocationCallbacks* a, VkBuffer* out)
{
    return make("vkCreateBuffer", device, out, TABLE.vkDestroyBuffer, [&] { return original.createBuffer(device, info, a, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
allocateMemory(VkDevice device, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* a, VkDeviceMemory* out)
{
    return make("vkAllocateMemory", device, out, TABLE.vkFreeMemory, [&] { return original.allocateMemory(device, info, a, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
bindBufferMemory(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset)
{
    return ask("vkBindBufferMemory", [&] { return original.bindBufferMemory(device, buffer, memory, offset); });
}

VKAPI_ATTR VkResult VKAPI_CALL
mapMemory(VkDevice device, VkDeviceMemory memory, VkDeviceSize at, VkDeviceSize size, VkMemoryMapFlags f, void** out)
{
    return ask("vkMapMemory", [&] { return original.mapMemory(device, memory, at, size, f, out); });
}

// Void calls that would be made with what a failed one did not make:
VKAPI_ATTR void VKAPI_CALL bufferMemoryRequirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements* out)
{
    VkResult failed;
    if (Scope::ended(failed))
        *out = { 0, 1, ~0u };
    else
        original.bufferMemoryRequirements(device, buffer, out);
}

VKAPI_ATTR void VKAPI_CALL
updateDescriptorSets(VkDevice device, std::uint32_t writes, const VkWriteDescriptorSet* write, std::uint32_t copies,
                     const VkCopyDescriptorSet* copy)
{
    VkResult failed;
    if (!Scope::ended(failed))
        original.updateDescriptorSets(device, writes, write, copies, copy);
}

VKAPI_ATTR void VKAPI_CALL
freeCommandBuffers(VkDevice device, VkCommandPool pool, std::uint32_t count, const VkCommandBuffer* commands)
{
    if (pool != VK_NULL_HANDLE)
        original.freeCommandBuffers(device, pool, count, commands);
}

VKAPI_ATTR VkResult VKAPI_CALL
createDescriptorPool(VkDevice device, const VkDescriptorPoolCreateInfo* info, const VkAllocationCallbacks* a,
                     VkDescriptorPool* out)
{
    return make("vkCreateDescriptorPool", device, out, TABLE.vkDestroyDescriptorPool, [&] { return original.createDescriptorPool(device, info, a, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
createDescriptorSetLayout(VkDevice device, const VkDescriptorSetLayoutCreateInfo* info, const VkAllocationCallbacks* a,
                          VkDescriptorSetLayout* out)
{
    return make("vkCreateDescriptorSetLayout", device, out, TABLE.vkDestroyDescriptorSetLayout, [&] { return original.createDescriptorSetLayout(device, info, a, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
allocateDescriptorSets(VkDevice device, const VkDescriptorSetAllocateInfo* info, VkDescriptorSet* out)
{
    return ask("vkAllocateDescriptorSets", [&] { return original.allocateDescriptorSets(device, info, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
createShaderModule(VkDevice device, const VkShaderModuleCreateInfo* info, const VkAllocationCallbacks* a,
                   VkShaderModule* out)
{
    return make("vkCreateShaderModule", device, out, TABLE.vkDestroyShaderModule, [&] {
        VkResult result = original.createShaderModule(device, info, a, out);
        if (result >= 0)
            Pipelines::note_module(device, *out, *info);
        return result;
    });
}

VKAPI_ATTR void VKAPI_CALL
destroyShaderModule(VkDevice device, VkShaderModule module, const VkAllocationCallbacks* a)
{
    Pipelines::forget_module(device, module);
    original.destroyShaderModule(device, module, a);
}

VKAPI_ATTR VkResult VKAPI_CALL
createPipelineLayout(VkDevice device, const VkPipelineLayoutCreateInfo* info, const VkAllocationCallbacks* a,
                     VkPipelineLayout* out)
{
    return make("vkCreatePipelineLayout", device, out, TABLE.vkDestroyPipelineLayout, [&] { return original.createPipelineLayout(device, info, a, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
createPipelineCache(VkDevice device, const VkPipelineCacheCreateInfo* info, const VkAllocationCallbacks* a,
                    VkPipelineCache* out)
{
    return make("vkCreatePipelineCache", device, out, TABLE.vkDestroyPipelineCache, [&] { return original.createPipelineCache(device, info, a, out); });
}

// Kompute makes a pipeline and an empty cache for each Algorithm; here Algorithms of one kernel share the pipeline,
// which is made through the device's own cache (see pipelines.hpp).
VKAPI_ATTR VkResult VKAPI_CALL
createComputePipelines(VkDevice device, VkPipelineCache, std::uint32_t, const VkComputePipelineCreateInfo* info,
                       const VkAllocationCallbacks*, VkPipeline* out)
{
    return ask("vkCreateComputePipelines", [&] { return Pipelines::of(device)->get(*info, out); });
}

VKAPI_ATTR void VKAPI_CALL destroyPipeline(VkDevice, VkPipeline, const VkAllocationCallbacks*) {}

VKAPI_ATTR VkResult VKAPI_CALL
createCommandPool(VkDevice device, const VkCommandPoolCreateInfo* info, const VkAllocationCallbacks* a,
                  VkCommandPool* out)
{
    return make("vkCreateCommandPool", device, out, TABLE.vkDestroyCommandPool, [&] { return original.createCommandPool(device, info, a, out); });
}

VKAPI_ATTR VkResult VKAPI_CALL
allocateCommandBuffers(VkDevice device, const VkCommandBufferAllocateInfo* info, VkCommandBuffer* out)
{
    return ask("vkAllocateCommandBuffers", [&] { return original.allocateCommandBuffers(device, info, out); });
}

// A recorded sequence is submitted again while it may still run: by the Vulkan specification that needs this flag.
VKAPI_ATTR VkResult VKAPI_CALL beginCommandBuffer(VkCommandBuffer commands, const VkCommandBufferBeginInfo* info)
{
    VkCommandBufferBeginInfo simultaneous = *info;
    simultaneous.flags |= VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
    return ask("vkBeginCommandBuffer", [&] { return original.beginCommandBuffer(commands, &simultaneous); });
}

VKAPI_ATTR VkResult VKAPI_CALL endCommandBuffer(VkCommandBuffer commands)
{
    return ask("vkEndCommandBuffer", [&] { return original.endCommandBuffer(commands); });
}

std::mutex fail_mutex;
std::atomic<bool> armed{ false };
std::string failing_call;
VkResult failing_result;
int failing_skip;

} // namespace

void install_calls(const Instance& instance)
{
    static bool done = false; // the interpreter lock is held
    if (done)
        return;
    TABLE.init(loader());
    TABLE.init(vk::Instance(instance.handle));
#define TAKE(member, field) \
    original.field = TABLE.member; \
    TABLE.member = field
    TAKE(vkCreateBuffer, createBuffer);
    TAKE(vkAllocateMemory, allocateMemory);
    TAKE(vkBindBufferMemory, bindBufferMemory);
    TAKE(vkGetBufferMemoryRequirements, bufferMemoryRequirements);
    TAKE(vkUpdateDescriptorSets, updateDescriptorSets);
    TAKE(vkFreeCommandBuffers, freeCommandBuffers);
    TAKE(vkMapMemory, mapMemory);
    TAKE(vkCreateDescriptorPool, createDescriptorPool);
    TAKE(vkCreateDescriptorSetLayout, createDescriptorSetLayout);
    TAKE(vkAllocateDescriptorSets, allocateDescriptorSets);
    TAKE(vkCreateShaderModule, createShaderModule);
    TAKE(vkDestroyShaderModule, destroyShaderModule);
    TAKE(vkCreatePipelineLayout, createPipelineLayout);
    TAKE(vkCreatePipelineCache, createPipelineCache);
    TAKE(vkCreateCommandPool, createCommandPool);
    TAKE(vkAllocateCommandBuffers, allocateCommandBuffers);
    TAKE(vkBeginCommandBuffer, beginCommandBuffer);
    TAKE(vkEndCommandBuffer, endCommandBuffer);
    TABLE.vkCreateComputePipelines = createComputePipelines; // Pipelines asks the loader for its own
    TABLE.vkDestroyPipeline = destroyPipeline;
#undef TAKE
    done = true;
}

Scope::Scope()
  : outer_(innermost)
{
    innermost = this;
}

Scope::~Scope()
{
    innermost = outer_;
    for (auto destroy = undo_.rbegin(); destroy != undo_.rend(); ++destroy)
        (*destroy)();
}

void Scope::done()
{
    undo_.clear();
    raise();
}

void Scope::raise() const
{
    if (call_)
        throw VulkanError(call_, result_);
}

bool Scope::ended(VkResult& result)
{
    if (!innermost || !innermost->call_)
        return false;
    result = innermost->result_;
    return true;
}

void Scope::failed(const char* call, VkResult result)
{
    if (innermost) {
        innermost->call_ = call;
        innermost->result_ = result;
    }
}

void Scope::made(std::function<void()> destroy)
{
    if (innermost)
        innermost->undo_.push_back(std::move(destroy));
}

void fail(const std::string& call, int result, int skip)
{
    std::lock_guard<std::mutex> guard(fail_mutex);
    failing_call = call;
    failing_result = (VkResult)result;
    failing_skip = skip;
    armed = true;
}

bool failing(const char* call, VkResult& result)
{
    if (!armed.load(std::memory_order_relaxed))
        return false;
    std::lock_guard<std::mutex> guard(fail_mutex);
    if (!armed || failing_call != call || failing_skip-- > 0)
        return false;
    armed = false;
    result = failing_result;
    return true;
}

} // namespace grilly
