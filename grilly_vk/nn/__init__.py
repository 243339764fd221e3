"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

import sys

from .. import functional as functional
from ..surrogate import (
    ATan,
    Boxcar,
    Erf,
    FastSigmoid,
    PiecewiseQuadratic,
    Rect,
    Sigmoid,
    SuperSpike,
    Surrogate,
    Triangular,
    superspike,
)
from ..surrogate import Custom as CustomSurrogate
from ..surrogate import Tanh as TanhSurrogate
from ..torch_hints import hints
from . import dialects, flat, init, layers, plastic, recurrent, spiking, synapses, traced
from . import utils as utils
from .containers import Flatten, Identity, ModuleDict, ModuleList, ParameterList, Sequential
from .conversion import Converter, VoltageScaler, evaluate
from .flat import *
from .layers import *
from .module import Buffer, Module, Parameter
from .plastic import *
from .recurrent import *
from .spiking import *
from .stateful import StatefulModule
from .summary import Summary, summary
from .synapses import *
from .temporal import (
    ElementWiseRecurrentContainer,
    LinearRecurrentContainer,
    MultiStepContainer,
    SeqToANNContainer,
)

sys.modules[f"{__name__}.functional"] = functional  # import grilly_vk.nn.functional as F
__getattr__ = hints("grilly_vk.nn")

__all__ = [
    "ATan", "Boxcar", "Buffer", "Converter", "CustomSurrogate", "ElementWiseRecurrentContainer", "Erf", "FastSigmoid",
    "Flatten", "Identity", "LinearRecurrentContainer", "Module", "ModuleDict", "ModuleList", "MultiStepContainer",
    "Parameter", "ParameterList", "PiecewiseQuadratic", "Rect", "SeqToANNContainer", "Sequential", "Sigmoid",
    "StatefulModule", "Summary", "SuperSpike", "Surrogate", "TanhSurrogate", "Triangular", "VoltageScaler",
    "dialects", "evaluate", "init", "summary", "superspike", "traced",
]  # fmt: skip
__all__ += flat.__all__
__all__ += layers.__all__
__all__ += plastic.__all__
__all__ += recurrent.__all__
__all__ += spiking.__all__
__all__ += synapses.__all__
