// What stands between Kompute and Vulkan. Kompute 0.9.0 calls Vulkan through Vulkan-Hpp's dispatch table and drops
// most results; here the table's entries are replaced by functions that look at every result.
#pragma once

#include "error.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace grilly {

class Instance;

class Scope
{
  public:
    Scope();
    ~Scope();
    void done();        // the objects have an owner now; raises what failed
    void raise() const; // what failed, if anything did

    static bool ended(VkResult& result); // has a call of the innermost scope failed?
    static void failed(const char* call, VkResult result);
    static void made(std::function<void()> destroy);

  private:
    Scope* outer_;
    const char* call_ = nullptr;
    VkResult result_ = VK_SUCCESS;
    std::vector<std::function<void()>> undo_;
};

// Fills Vulkan-Hpp's table, once. Its entries are the loader's own, which work for every instance and device.
void install_calls(const Instance& instance);

// Runs code of Kompute's. A call that fails in it is an exception here, and nothing more is asked of Vulkan until then;
// what a constructor made before it failed is destroyed again (Kompute leaves it behind).
template<class F>
auto checked(F code)
{
    Scope scope;
    try {
        auto result = code();
        scope.done();
        return result;
    } catch (const VulkanError&) {
        throw;
    } catch (...) {
        scope.raise(); // the failed call, in place of what Vulkan-Hpp made of it
        throw;
    }
}

// For tests of what happens then: the call of this name fails with `result` after `skip` more calls of it; once.
void fail(const std::string& call, int result, int skip);

bool failing(const char* call, VkResult& result);

// Makes a call of our own: its result, or an exception.
template<class F>
VkResult result_of(const char* call, F make)
{
    VkResult result;
    if (!failing(call, result))
        result = make();
    return check(call, result);
}

} // namespace grilly
