"""Weights of other frameworks: PyTorch's state dicts and safetensors files in and out, and arrays by DLPack.

`load_torch_state` knows how SpikingJelly, snnTorch and Norse name and lay out what their layers hold.  PyTorch is
needed for .pt files alone.
"""

from .dlpack import from_dlpack
from .loading import load_torch_state
from .report import LoadReport, StateMismatch
from .writing import to_torch_state

__all__ = ["LoadReport", "StateMismatch", "from_dlpack", "load_torch_state", "to_torch_state"]
