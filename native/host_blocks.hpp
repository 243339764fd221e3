// Neurons that go through all steps together, a block at a time, so that a core's first cache holds their states.
#pragma once

#include "host.hpp"

#include <algorithm>

namespace grilly {

// Calls block(member, first neuron, how many) for all n neurons, `size` at a time but for the last.
template<class F>
void in_blocks(Host& host, std::int64_t n, std::int64_t size, F block)
{
    const std::int64_t blocks = (n + size - 1) / size;
    host.team.run([&](int member) {
        const auto [first, last] = part(blocks, member, host.team.size());
        for (std::int64_t at = first * size; at < std::min(n, last * size); at += size)
            block(member, at, std::min(size, n - at));
    });
}

// The states that a run begins with: n from `at` on of those given, or without any (null) one number.
inline void begin(float* to, const float* given, std::int64_t at, std::int64_t n, float number = 0)
{
    if (given)
        std::copy_n(given + at, n, to);
    else
        std::fill_n(to, n, number);
}

} // namespace grilly
