"""grilly-vk: spiking neural networks on any Vulkan GPU.

Importing needs no driver and no GPU; the first use opens a device and raises DeviceError where there is none.
"""

import builtins as _builtins
import sys as _sys

from . import autograd, data, decode, encode, functional, interop, models, monitor, nn, optim, plot, snn, tensor
from . import methods as methods
from . import nir as nir  # not in __all__: a star import must not hide the package nir
from .autograd import Function, enable_grad, grad, no_grad, set_detect_anomaly
from .calling import welcome as _welcome
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
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    logspace,
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
from .creation import as_tensor_of as as_tensor
from .creation import empty_tensor as empty
from .creation import float_tensor as FloatTensor
from .creation import long_tensor as LongTensor
from .creation import of_numpy as from_numpy
from .errors import DeviceError, OutOfDeviceMemory
from .functions import *
from .functions import __all__ as _functions
from .grad_mode import inference_mode, is_grad_enabled, set_grad_enabled
from .gradient_check import gradcheck
from .interop import from_dlpack
from .ops.matmul import matmul
from .random_numbers import normal, randint, randperm
from .recompute import checkpoint
from .saving import load, save
from .snn_compute import SNNCompute
from .tensor import BOOL, FLOAT32, INT32, UINT32, Tensor
from .torch_hints import hints as _hints

__version__ = "0.1.0"
__getattr__ = _hints("grilly_vk")

# Types of elements: whole numbers are int32, whatever they are called.
float32 = float = FLOAT32
int32 = int64 = int = long = INT32
uint32, bool = UINT32, BOOL
Size = tuple

# Without functions and types that hide builtins: a star import must not change what max or float mean.
__all__ = [
    *(n for n in _functions if not hasattr(_builtins, n)),
    "DeviceError",
    "FloatTensor",
    "Function",
    "LongTensor",
    "OutOfDeviceMemory",
    "SNNCompute",
    "Size",
    "Tensor",
    "VulkanCompute",
    "__version__",
    "arange",
    "as_tensor",
    "autograd",
    "bernoulli",
    "capture",
    "checkpoint",
    "compile",
    "data",
    "decode",
    "device",
    "devices",
    "empty",
    "empty_like",
    "enable_grad",
    "encode",
    "eye",
    "float32",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "functional",
    "get_rng_state",
    "grad",
    "gradcheck",
    "inference_mode",
    "int32",
    "int64",
    "interop",
    "is_grad_enabled",
    "linspace",
    "load",
    "logspace",
    "long",
    "manual_seed",
    "matmul",
    "memory_stats",
    "models",
    "monitor",
    "nn",
    "no_grad",
    "normal",
    "ones",
    "ones_like",
    "optim",
    "plot",
    "poisson",
    "profile",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "save",
    "set_detect_anomaly",
    "set_device",
    "set_grad_enabled",
    "set_rng_state",
    "synchronize",
    "tensor",
    "uint32",
    "zeros",
    "zeros_like",
]

_welcome(_sys.modules[__name__], snn, nn.utils, nn.conversion, optim.lr_scheduler)
