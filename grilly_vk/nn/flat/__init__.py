"""Layers on flat arrays: numpy in, numpy out, the state on the device."""

from .neurons import GIFNeuron, LIFNeuron
from .snn_layer import SNNLayer

__all__ = ["GIFNeuron", "LIFNeuron", "SNNLayer"]
