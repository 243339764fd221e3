"""Normalisation."""

from ..ops.norm import batch_norm, layer_norm, rms_norm

__all__ = ["batch_norm", "layer_norm", "rms_norm"]
