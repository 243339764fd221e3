"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from . import init
from .containers import Flatten, Identity, ModuleDict, ModuleList, Sequential
from .linear import Embedding, Linear
from .module import Buffer, Module, Parameter
from .neurons import GIFNeuron, LIFNeuron
from .plasticity import HebbianLayer, STDPLayer
from .snn_layer import SNNLayer
from .summary import Summary, summary

__all__ = [
    "Buffer",
    "Embedding",
    "Flatten",
    "GIFNeuron",
    "HebbianLayer",
    "Identity",
    "LIFNeuron",
    "Linear",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "SNNLayer",
    "STDPLayer",
    "Sequential",
    "Summary",
    "init",
    "summary",
]
