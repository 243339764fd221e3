"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from .module import Buffer, Module, Parameter
from .neurons import GIFNeuron, LIFNeuron
from .plasticity import HebbianLayer, STDPLayer
from .snn_layer import SNNLayer

__all__ = [
    "Buffer",
    "GIFNeuron",
    "HebbianLayer",
    "LIFNeuron",
    "Module",
    "Parameter",
    "SNNLayer",
    "STDPLayer",
]
