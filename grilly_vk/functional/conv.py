"""Convolutions."""

from ..ops.conv import conv1d, conv2d
from ..ops.conv3d import conv3d
from ..ops.conv_transpose import conv_transpose1d, conv_transpose2d

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"]
