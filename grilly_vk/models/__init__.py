"""Ready-made networks."""

from .snn import SNN

__all__ = ["SNN"]
