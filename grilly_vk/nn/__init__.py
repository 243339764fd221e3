"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from . import init
from .containers import Flatten, Identity, ModuleDict, ModuleList, Sequential
from .conv import Conv1d, Conv2d
from .linear import Embedding, Linear
from .module import Buffer, Module, Parameter
from .neurons import GIFNeuron, LIFNeuron
from .plasticity import HebbianLayer, STDPLayer
from .pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, SumPool2d
from .snn_layer import SNNLayer
from .summary import Summary, summary

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "Embedding",
    "Flatten",
    "GIFNeuron",
    "HebbianLayer",
    "Identity",
    "LIFNeuron",
    "Linear",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "SNNLayer",
    "STDPLayer",
    "Sequential",
    "SumPool2d",
    "Summary",
    "init",
    "summary",
]
