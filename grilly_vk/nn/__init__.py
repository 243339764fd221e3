"""Layers.  numpy or Tensor in; the flat-array layers here give numpy back."""

from .neurons import GIFNeuron, LIFNeuron

__all__ = ["GIFNeuron", "LIFNeuron"]
