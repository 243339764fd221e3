"""Convolution layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import arguments
from ..ops import conv
from ..tensor import empty
from . import init
from .module import Module, Parameter


class _Conv(Module):
    axes = 0

    batchwise = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = arguments.size("in_channels", in_channels)
        self.out_channels = arguments.size("out_channels", out_channels)
        self.groups = arguments.size("groups", groups)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % self.groups:
                raise ValueError(f"{name} {channels} is not divisible by groups={groups}")
        self.kernel_size = conv.numbers("kernel_size", kernel_size, self.axes, 1)
        self.stride = conv.numbers("stride", stride, self.axes, 1)
        self.dilation = conv.numbers("dilation", dilation, self.axes, 1)
        widths = conv.padding_widths(padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in widths)
        self.weight = Parameter(empty((self.out_channels, self.in_channels // self.groups, *self.kernel_size)))
        self.bias: Parameter | None
        if bias:
            self.bias = Parameter(empty((self.out_channels,)))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_channels // self.groups * math.prod(self.kernel_size))
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Sizes, and what differs from the defaults."""
        one = (1,) * self.axes
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding not in ((0,) * self.axes, "valid"):
            parts.append(f"padding={self.padding!r}")
        if self.dilation != one:
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)


class Conv1d(_Conv):
    """Cross-correlation along the last axis; see `grilly_vk.functional.conv1d`.

    Weight and bias start even over +-1 / sqrt(in_channels / groups * kernel_size), as PyTorch's.

    Args:
        in_channels, out_channels: channels of input and result; multiples of groups.
        kernel_size: taps.
        stride: steps between results (default 1).
        padding: zeros at both ends (default 0), or 'same' or 'valid'.
        dilation: steps between taps (default 1).
        groups: the channels are cut into so many groups that do not mix (default 1).
        bias: whether a bias is added (default True).

    Shape:
        (B, in_channels, L) to (B, out_channels, L'), or both without B.

    Attributes:
        weight: Parameter (out_channels, in_channels / groups, kernel_size).
        bias: Parameter (out_channels,), or None.

    Raises:
        ValueError: sizes out of range or channels that groups does not divide; at the call, an input that does not
            fit. TypeError: no whole numbers.
    """

    axes = 1

    def forward(self, x: Any) -> Any:
        """(B, in_channels, L) to (B, out_channels, L')."""
        return conv.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Cross-correlation over the last two axes; see `grilly_vk.functional.conv2d`.

    Weight and bias start even over +-1 / sqrt(in_channels / groups * kh * kw), as PyTorch's.

    Args:
        in_channels, out_channels: channels of input and result; multiples of groups.
        kernel_size: taps; one number, or (vertical, horizontal), as for the next three.
        stride: steps between results (default 1).
        padding: zeros on both sides (default 0), or 'same' or 'valid'.
        dilation: steps between taps (default 1).
        groups: the channels are cut into so many groups that do not mix (default 1).
        bias: whether a bias is added (default True).

    Shape:
        (B, in_channels, H, W) to (B, out_channels, H', W'), or both without B.

    Attributes:
        weight: Parameter (out_channels, in_channels / groups, kh, kw).
        bias: Parameter (out_channels,), or None.

    Raises:
        ValueError: sizes out of range or channels that groups does not divide; at the call, an input that does not
            fit. TypeError: no whole numbers.
    """

    axes = 2

    def forward(self, x: Any) -> Any:
        """(B, in_channels, H, W) to (B, out_channels, H', W')."""
        return conv.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
