#include "operations.hpp"

#include "calls.hpp"

#include <stdexcept>

namespace grilly {

void Barrier::record(const vk::CommandBuffer& commands)
{
    const auto device = vk::PipelineStageFlagBits::eComputeShader | vk::PipelineStageFlagBits::eTransfer;
    const auto writes = vk::AccessFlagBits::eShaderWrite | vk::AccessFlagBits::eTransferWrite;
    const auto all = writes | vk::AccessFlagBits::eShaderRead | vk::AccessFlagBits::eTransferRead;
    vk::PipelineStageFlags from = device, to = device;
    vk::MemoryBarrier memory(writes, all);
    if (where_ == Where::Begin) {
        from |= vk::PipelineStageFlagBits::eHost;
        memory.srcAccessMask |= vk::AccessFlagBits::eHostWrite;
    } else if (where_ == Where::End) {
        to = vk::PipelineStageFlagBits::eHost;
        memory.dstAccessMask = vk::AccessFlagBits::eHostRead | vk::AccessFlagBits::eHostWrite;
    }
    commands.pipelineBarrier(from, to, {}, memory, nullptr, nullptr);
}

Dispatch::Dispatch(std::shared_ptr<kp::Algorithm> algorithm, std::vector<std::uint32_t> push, std::uint32_t first,
                   std::uint32_t count)
  : kp::OpAlgoDispatch(algorithm)
  , algorithm_(std::move(algorithm))
  , push_(std::move(push))
  , first_(first)
  , count_(count)
{
    if (count_ && (std::uint64_t)first_ + count_ > algorithm_->getWorkgroup()[0])
        throw std::out_of_range("a part of a dispatch that has fewer workgroups");
}

void Dispatch::record(const vk::CommandBuffer& commands)
{
    if (!push_.empty())
        algorithm_->setPushConstants(push_.data(), (std::uint32_t)push_.size(), sizeof(std::uint32_t));
    algorithm_->recordBindCore(commands);
    algorithm_->recordBindPush(commands);
    if (count_) // shaders/include/common.glsl finds the number of all in y
        commands.dispatchBase(first_, algorithm_->getWorkgroup()[0] - 1, 0, count_, 1, 1);
    else
        algorithm_->recordDispatch(commands);
}

Timestamps::Timestamps(std::shared_ptr<Device> on, std::uint32_t n)
  : device(std::move(on))
  , count(n)
{
    VkQueryPoolCreateInfo info{ VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO };
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = count;
    auto create = device->get<PFN_vkCreateQueryPool>("vkCreateQueryPool");
    result_of("vkCreateQueryPool", [&] { return create(device->handle, &info, nullptr, &pool); });
    if (device->host_query_reset)
        device->get<PFN_vkResetQueryPoolEXT>("vkResetQueryPoolEXT")(device->handle, pool, 0, count);
}

Timestamps::~Timestamps()
{
    device->get<PFN_vkDestroyQueryPool>("vkDestroyQueryPool")(device->handle, pool, nullptr);
}

std::vector<std::uint64_t> Timestamps::read() const
{
    std::vector<std::uint64_t> ticks(count);
    auto results = device->get<PFN_vkGetQueryPoolResults>("vkGetQueryPoolResults");
    VkResult result = result_of("vkGetQueryPoolResults", [&] {
        return results(device->handle, pool, 0, count, ticks.size() * sizeof ticks[0], ticks.data(), sizeof ticks[0],
                       VK_QUERY_RESULT_64_BIT);
    });
    if (result == VK_NOT_READY)
        throw std::runtime_error("timestamps were read before the work that writes them was done");
    return ticks;
}

Stamp::Stamp(std::shared_ptr<Timestamps> times, std::uint32_t number)
  : times_(std::move(times))
  , number_(number)
{
    if (number_ >= times_->count)
        throw std::out_of_range("stamp number " + std::to_string(number_) + " of " + std::to_string(times_->count));
}

void Stamp::record(const vk::CommandBuffer& commands)
{
    if (number_ == 0 && !times_->device->host_query_reset)
        commands.resetQueryPool(vk::QueryPool(times_->pool), 0, times_->count);
    commands.writeTimestamp(vk::PipelineStageFlagBits::eAllCommands, vk::QueryPool(times_->pool), number_);
}

namespace {

// Kompute keeps its command buffer to itself, but shows it to every operation.
class Probe : public Operation
{
  public:
    void record(const vk::CommandBuffer& commands) override { found = static_cast<VkCommandBuffer>(commands); }
    VkCommandBuffer found = VK_NULL_HANDLE;
};

} // namespace

Sequence::Sequence(const std::shared_ptr<Device>& device)
  : sequence_(checked([&] {
      return std::make_shared<kp::Sequence>(device->physical(), device->logical(), device->queue(), device->family);
  }))
{
    auto probe = std::make_shared<Probe>();
    record(probe);
    commands_ = probe->found;
}

void Sequence::record(const std::shared_ptr<kp::OpBase>& operation)
{
    checked([&] { return sequence_->record(operation); });
}

VkCommandBuffer Sequence::finished()
{
    if (sequence_->isRecording())
        checked([&] { return (sequence_->end(), true); });
    return commands_;
}

} // namespace grilly
