"""grilly-vk: spiking neural networks on any Vulkan GPU.

Importing needs no driver and no GPU; the first use opens a device and raises DeviceError where there is none.
"""

import builtins as _builtins
import sys as _sys

from . import autograd, data, decode, encode, functional, interop, models, monitor, nn, optim, plot, sim, snn, tensor
from . import control as _control
from . import creation as _creation
from . import methods as methods
from . import nir as nir  # not in __all__: a star import must not hide the package nir
from . import parallel as parallel
from .autograd import Function, enable_grad, grad, no_grad, set_detect_anomaly
from .calling import welcome as _welcome
from .compiled import compile
from .compute import VulkanCompute
from .control import *
from .creation import *
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
    "DeviceError", "FloatTensor", "Function", "LongTensor", "OutOfDeviceMemory", "SNNCompute", "Size", "Tensor",
    "VulkanCompute", "__version__", "as_tensor", "autograd", "checkpoint", "compile", "data", "decode", "empty",
    "enable_grad", "encode", "float32", "from_dlpack", "from_numpy", "functional", "grad", "gradcheck",
    "inference_mode", "int32", "int64", "interop", "is_grad_enabled", "load", "long", "matmul", "models", "monitor",
    "nn", "no_grad", "normal", "optim", "parallel", "plot", "randint", "randperm", "save", "set_detect_anomaly",
    "set_grad_enabled", "sim", "tensor", "uint32",
]  # fmt: skip
__all__ += _control.__all__
__all__ += _creation.__all__
__all__ += [n for n in _functions if not hasattr(_builtins, n)]

_welcome(_sys.modules[__name__], snn, nn.utils, nn.conversion, optim.lr_scheduler)
