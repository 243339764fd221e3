"""grilly-vk: spiking neural networks on any Vulkan GPU.

Importing needs no driver and no GPU; the first use opens a device and raises DeviceError where there is none.
"""

from . import decode, encode, functional, models, monitor, nn, optim, plot, tensor
from . import tensor_methods as tensor_methods
from .autograd import Function, enable_grad, grad, no_grad, set_detect_anomaly
from .compiled import compile
from .compute import VulkanCompute
from .control import (
    capture,
    device,
    devices,
    get_rng_state,
    manual_seed,
    memory_stats,
    profile,
    set_device,
    set_rng_state,
    synchronize,
)
from .creation import (
    arange,
    bernoulli,
    eye,
    full,
    full_like,
    ones,
    ones_like,
    poisson,
    rand,
    rand_like,
    randn,
    randn_like,
    zeros,
    zeros_like,
)
from .errors import DeviceError, OutOfDeviceMemory
from .gradient_check import gradcheck
from .ops.elementwise import where
from .ops.matmul import matmul
from .ops.shape import concatenate as cat
from .ops.shape import stack
from .recompute import checkpoint
from .saving import load, save
from .snn_compute import SNNCompute
from .tensor import Tensor

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "Function",
    "OutOfDeviceMemory",
    "SNNCompute",
    "Tensor",
    "VulkanCompute",
    "__version__",
    "arange",
    "bernoulli",
    "capture",
    "cat",
    "checkpoint",
    "compile",
    "decode",
    "device",
    "devices",
    "enable_grad",
    "encode",
    "eye",
    "full",
    "full_like",
    "functional",
    "get_rng_state",
    "grad",
    "gradcheck",
    "load",
    "manual_seed",
    "matmul",
    "memory_stats",
    "models",
    "monitor",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "optim",
    "plot",
    "poisson",
    "profile",
    "rand",
    "rand_like",
    "randn",
    "randn_like",
    "save",
    "set_detect_anomaly",
    "set_device",
    "set_rng_state",
    "stack",
    "synchronize",
    "tensor",
    "where",
    "zeros",
    "zeros_like",
]
