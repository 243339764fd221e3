"""Normalisation."""

from ..ops.batch_norm import batch_norm, batch_norm_through_time, temporal_effective_batch_norm
from ..ops.group_norm import group_norm, instance_norm
from ..ops.neu_norm import neu_norm
from ..ops.norm import layer_norm, rms_norm

__all__ = [
    "batch_norm",
    "batch_norm_through_time",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "neu_norm",
    "rms_norm",
    "temporal_effective_batch_norm",
]
