"""Stateless functions."""

from .conv import conv1d, conv2d
from .pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d, sum_pool2d

__all__ = ["adaptive_avg_pool2d", "avg_pool2d", "conv1d", "conv2d", "max_pool2d", "sum_pool2d"]
