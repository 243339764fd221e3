"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from .neurons import GIFNeuron, LIFNeuron
from .plasticity import HebbianLayer, STDPLayer
from .snn_layer import SNNLayer

__all__ = ["GIFNeuron", "HebbianLayer", "LIFNeuron", "SNNLayer", "STDPLayer"]
