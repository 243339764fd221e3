#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <pybind11/pybind11.h>

#include <vector>

namespace grilly {

namespace py = pybind11;
class Instance;

// In the driver's order, which is that of `devices`; none where there is no driver.
std::vector<VkPhysicalDevice> physical_devices(const Instance& instance);

// One dict a device; see runtime/devices.py.
py::list devices();

} // namespace grilly
