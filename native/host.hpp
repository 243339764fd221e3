// What the host itself does in the order of the stream, on memory that it shares with a device that is its own CPU.
#pragma once

#include "blas.hpp"
#include "operations.hpp"
#include "team.hpp"

#include <kompute/Tensor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace grilly {

// The processors: a BLAS for products, and threads for what has many small ones.
struct Host
{
    explicit Host(const Blas& blas)
      : blas(blas)
      , team(blas.threads())
      , scratch_(team.size())
    {
    }
    // Memory of a member for as long as its job runs; it stays for the next one.
    float* scratch(int member, std::size_t count)
    {
        std::vector<float>& own = scratch_[member];
        if (own.size() < count)
            own.resize(count);
        return own.data();
    }
    Blas blas;
    Team team;

  private:
    std::vector<std::vector<float>> scratch_;
};

// What a host call declares, as a kernel's SPIR-V does.
struct HostFace
{
    struct Binding
    {
        std::string name;
        bool reads, writes;
    };
    std::string name;
    std::vector<Binding> bindings;
    std::vector<std::string> numbers; // int32 each, after the offsets of the bindings
    std::vector<std::string> factors{}; // float32 each, after those
};

// One call: its memory, where in it each binding begins (in floats), and its numbers.
class HostCall
{
  public:
    HostCall(const HostFace& face, std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    virtual ~HostCall() = default;
    virtual void run(Host& host) const = 0;

  protected:
    // A binding's memory, of which `count` floats will be touched.
    float* memory(std::size_t binding, std::uint64_t count) const;
    std::int64_t number(std::size_t place) const { return (std::int32_t)words_[face_.bindings.size() + place]; }
    float factor(std::size_t place) const;

  private:
    const HostFace& face_;
    std::vector<std::shared_ptr<kp::Tensor>> tensors_;
    std::vector<std::uint32_t> words_;
};

// Every kind of call, and one of a kind by its name.
const std::vector<const HostFace*>& host_faces();
std::shared_ptr<HostCall> host_call(const std::string& name, std::vector<std::shared_ptr<kp::Tensor>> tensors,
                                    std::vector<std::uint32_t> words);

// Calls that follow each other without a dispatch between them: one break in the device's work.
class HostWork : public Piece
{
  public:
    HostWork(std::shared_ptr<Host> host, std::vector<std::shared_ptr<HostCall>> calls);
    void run();
    std::vector<std::uint64_t> read() const { return times_; } // nanoseconds before and after each call

  private:
    std::shared_ptr<Host> host_;
    std::vector<std::shared_ptr<HostCall>> calls_;
    std::vector<std::uint64_t> times_;
};

} // namespace grilly
