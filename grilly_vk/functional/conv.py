"""Convolutions."""

from ..ops.conv import conv1d, conv2d

__all__ = ["conv1d", "conv2d"]
