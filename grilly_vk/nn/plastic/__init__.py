"""Flat-array layers that learn by local rules, without gradients."""

from .hebbian import HebbianLayer
from .stdp import STDPLayer

__all__ = ["HebbianLayer", "STDPLayer"]
