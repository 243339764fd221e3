#include "host.hpp"

#include "host_calls.hpp"
#include "host_cores.hpp"
#include "host_delay.hpp"
#include "host_gates.hpp"
#include "host_neu_norm.hpp"
#include "host_neurons.hpp"
#include "host_nodes.hpp"
#include "host_norm.hpp"
#include "host_plain_cores.hpp"
#include "host_squeeze.hpp"

#include <chrono>
#include <cstring>
#include <stdexcept>

namespace grilly {

HostCall::HostCall(const HostFace& face, std::vector<std::shared_ptr<kp::Tensor>> tensors,
                   std::vector<std::uint32_t> words)
  : face_(face)
  , tensors_(std::move(tensors))
  , words_(std::move(words))
{
    if (tensors_.size() != face.bindings.size() || words_.size() != face.bindings.size() + face.numbers.size() + face.factors.size())
        throw std::invalid_argument(face.name + " was given another number of tensors or numbers than it declares");
    for (const auto& tensor : tensors_)
        if (!tensor->rawData())
            throw std::invalid_argument(face.name + " was given memory that the host does not see");
}

float* HostCall::memory(std::size_t binding, std::uint64_t count) const
{
    const auto& tensor = tensors_[binding];
    const std::uint64_t from = words_[binding];
    if (count && from + count > tensor->size())
        throw std::out_of_range(face_.name + " would reach element " + std::to_string(from + count) + " of '" +
                                face_.bindings[binding].name + "', whose segment has " + std::to_string(tensor->size()));
    return (float*)tensor->rawData() + from;
}

float HostCall::factor(std::size_t place) const
{
    float value;
    std::memcpy(&value, &words_[face_.bindings.size() + face_.numbers.size() + place], sizeof value);
    return value;
}

// Every kind: what it declares, and how one is made.
struct Kind
{
    const HostFace* face;
    std::shared_ptr<HostCall> (*make)(std::vector<std::shared_ptr<kp::Tensor>>, std::vector<std::uint32_t>);
};

template<class Call>
static Kind kind()
{
    return { &Call::face, [](std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words) {
                return std::shared_ptr<HostCall>(std::make_shared<Call>(std::move(tensors), std::move(words)));
            } };
}

static const std::vector<Kind>& kinds()
{
    static const std::vector<Kind> all{ kind<HostProduct>(), kind<HostHeads>(), kind<HostConv>(), kind<HostConvWeights>(),
                                        kind<HostHebbian>(), kind<HostStdp>(), kind<HostNorm>(),
                                        kind<HostNormGrad>(), kind<HostLif>(), kind<HostFilter>(), kind<HostFilterGrad>(),
                                        kind<HostDelay>(), kind<HostDelayGrad>(), kind<HostExcite>(), kind<HostNode>(),
                                        kind<HostNodeGrad>(), kind<HostCore>(), kind<HostCoreGrad>(), kind<HostPlainCore>(),
                                        kind<HostPlainCoreGrad>(), kind<HostNeuNorm>(),
                                        kind<HostNeuNormGrad>(), kind<HostGateSums>(), kind<HostGate>() };
    return all;
}

const std::vector<const HostFace*>& host_faces()
{
    static const std::vector<const HostFace*> faces = [] {
        std::vector<const HostFace*> found;
        for (const Kind& one : kinds())
            found.push_back(one.face);
        return found;
    }();
    return faces;
}

std::shared_ptr<HostCall> host_call(const std::string& name, std::vector<std::shared_ptr<kp::Tensor>> tensors,
                                    std::vector<std::uint32_t> words)
{
    for (const Kind& one : kinds())
        if (one.face->name == name)
            return one.make(std::move(tensors), std::move(words));
    throw std::invalid_argument("there is no host call '" + name + "'");
}

HostWork::HostWork(std::shared_ptr<Host> host, std::vector<std::shared_ptr<HostCall>> calls)
  : host_(std::move(host))
  , calls_(std::move(calls))
  , times_(2 * calls_.size())
{
}

void HostWork::run()
{
    const auto now = [] {
        return (std::uint64_t)std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    };
    std::size_t at = 0;
    for (const auto& call : calls_) {
        times_[at++] = now();
        call->run(*host_);
        times_[at++] = now();
    }
}

} // namespace grilly
