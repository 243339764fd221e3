"""Pooling, and images of another size."""

from ..ops.pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
    sum_pool2d,
)
from ..ops.resize import interpolate
from ..ops.sum_pool import sum_pool

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "interpolate",
    "max_pool1d",
    "max_pool2d",
    "sum_pool",
    "sum_pool2d",
]
