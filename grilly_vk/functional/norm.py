"""Normalisation."""

from ..ops.batch_norm import batch_norm
from ..ops.norm import layer_norm, rms_norm

__all__ = ["batch_norm", "layer_norm", "rms_norm"]
