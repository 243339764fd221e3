"""grilly-vk: spiking neural networks on any Vulkan GPU.

Importing needs no driver and no GPU; the first use opens a device and raises DeviceError where there is none.
"""

from . import functional, nn, tensor_methods
from .compute import VulkanCompute
from .control import capture, device, devices, manual_seed, memory_stats, profile, set_device, synchronize
from .errors import DeviceError, OutOfDeviceMemory
from .snn_compute import SNNCompute
from .tensor import Tensor

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "OutOfDeviceMemory",
    "SNNCompute",
    "Tensor",
    "VulkanCompute",
    "__version__",
    "capture",
    "device",
    "devices",
    "functional",
    "manual_seed",
    "memory_stats",
    "nn",
    "profile",
    "set_device",
    "synchronize",
]
