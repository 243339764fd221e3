"""Convolution layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from ... import arguments
from ...functional import conv as F
from ...ops.matrix_product import PRECISIONS
from ...settings import fixed, setting
from ...tensor import empty
from ...typing import ArrayLike
from .. import init
from ..module import Module, Parameter


class _Conv(Module):
    in_channels, out_channels, groups, kernel_size = fixed(), fixed(), fixed(), fixed()
    stride, dilation, padding = fixed(), fixed(), fixed()
    precision = setting(arguments.choice, PRECISIONS)
    bias: Parameter | None
    axes = 0
    batchwise = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Literal["same", "valid"] | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.precision = precision
        self.in_channels = arguments.size("in_channels", in_channels)
        self.out_channels = arguments.size("out_channels", out_channels)
        self.groups = arguments.size("groups", groups)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % self.groups:
                raise ValueError(f"{name} {channels} is not divisible by groups={groups}")
        self.kernel_size = arguments.sizes("kernel_size", kernel_size, self.axes, 1)
        self.stride = arguments.sizes("stride", stride, self.axes, 1)
        self.dilation = arguments.sizes("dilation", dilation, self.axes, 1)
        widths = F.padding_widths(padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in widths)
        self.weight = Parameter(empty((*self._channels(), *self.kernel_size)))
        added = Parameter(empty((self.out_channels,))) if arguments.flag("bias", bias) else None
        self.register_parameter("bias", added)
        self.reset_parameters()

    def _channels(self) -> tuple[int, int]:
        """The first two axes of the weight."""
        return self.out_channels, self.in_channels // self.groups

    def reset_parameters(self) -> None:
        """Draws new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self._channels()[1] * math.prod(self.kernel_size))
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
        if self.precision != "float32":
            parts.append(f"precision={self.precision!r}")
        return ", ".join(parts)


_CONV = """Cross-correlation {over}; see `grilly_vk.functional.conv{n}d`.

    Weight and bias start even over +-1 / sqrt(in_channels / groups * {taps}), as PyTorch's.

    Args:
        in_channels, out_channels: channels of input and result; multiples of groups.
        kernel_size: taps{pair}.
        stride: steps between results (default 1).
        padding: zeros on both sides (default 0), or 'same' or 'valid'.
        dilation: steps between taps (default 1).
        groups: the channels are cut into so many groups that do not mix (default 1).
        bias: whether a bias is added (default True).
        precision: of the products, also those in gradients: "float32" (default), or "float16" on matrix units.

    Shape:
        (B, in_channels, {size}) to (B, out_channels, {result}), or both without B.

    Attributes:
        weight: Parameter (out_channels, in_channels / groups, {kernel}).
        bias: Parameter (out_channels,), or None.

    Raises:
        ValueError: sizes out of range, channels that groups does not divide, or another precision; at the call, an
            input that does not fit. TypeError: no whole numbers.
        DeviceError: at the call, precision "float16" on a device without such matrix units.
    """


class Conv1d(_Conv):
    __doc__ = _CONV.format(
        n=1, over="along the last axis", taps="kernel_size", pair="", size="L", result="L'", kernel="kernel_size"
    )
    axes = 1
    _time_rank = 4

    def forward(self, x: ArrayLike) -> Any:
        """(B, in_channels, L) to (B, out_channels, L')."""
        return F.conv1d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, precision=self.precision
        )


class Conv2d(_Conv):
    __doc__ = _CONV.format(
        n=2, over="over the last two axes", taps="kh * kw", size="H, W", result="H', W'", kernel="kh, kw",
        pair="; one number, or (vertical, horizontal), as for the next three",
    )  # fmt: skip
    axes = 2
    _time_rank = 5

    def forward(self, x: ArrayLike) -> Any:
        """(B, in_channels, H, W) to (B, out_channels, H', W')."""
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, precision=self.precision
        )


class Conv3d(_Conv):
    __doc__ = _CONV.format(
        n=3, over="over the last three axes", taps="kd * kh * kw", size="D, H, W", result="D', H', W'",
        kernel="kd, kh, kw", pair="; one number, or (depth, vertical, horizontal), as for the next three",
    )  # fmt: skip
    axes = 3
    _time_rank = 6

    def forward(self, x: ArrayLike) -> Any:
        """(B, in_channels, D, H, W) to (B, out_channels, D', H', W')."""
        return F.conv3d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, precision=self.precision
        )


class _ConvTranspose(_Conv):
    output_padding = fixed()

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        *,
        precision: str = "float32",
    ) -> None:
        pads = arguments.sizes("padding", padding, self.axes, 0)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, pads, dilation, groups, bias, precision=precision
        )
        self.output_padding = arguments.sizes("output_padding", output_padding, self.axes, 0)
        F.smaller(self.output_padding, self.stride, self.dilation)

    def _channels(self) -> tuple[int, int]:
        return self.in_channels, self.out_channels // self.groups

    def _pads(self) -> tuple[int, ...]:
        return arguments.sizes("padding", self.padding, self.axes, 0)

    def _more(self, x: Any, output_size: Any) -> tuple[int, ...]:
        """output_padding, or what gives the result the size that is asked for."""
        if output_size is None:
            return self.output_padding
        sizes = tuple(getattr(x, "shape", ()))[-self.axes :]
        wanted = arguments.wholes("output_size", output_size)[-self.axes :]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(sizes, self.stride, self._pads(), self.dilation, self.kernel_size)
        ]
        more = tuple(w - n for w, n in zip(wanted, least))
        room = [max(s, d) - 1 for s, d in zip(self.stride, self.dilation)]
        if len(more) != self.axes or any(not 0 <= m <= r for m, r in zip(more, room)):
            most = [n + r for n, r in zip(least, room)]
            raise ValueError(f"output_size must lie between {least} and {most} for x of shape {x.shape}, got {wanted}")
        return more

    def extra_repr(self) -> str:
        """Sizes, and what differs from the defaults."""
        more = f", output_padding={self.output_padding}" if any(self.output_padding) else ""
        return super().extra_repr() + more


_TRANSPOSED = """The transpose of `Conv{n}d`; see `grilly_vk.functional.conv_transpose{n}d`.

    It makes a result of the size that the convolution of these arguments had as input.  Weight and bias start even
    over +-1 / sqrt(out_channels / groups * taps), as PyTorch's.

    Args:
        in_channels, out_channels: channels of input and result; multiples of groups.
        kernel_size: taps{pair}.
        stride: steps between where neighbours go (default 1).
        padding: elements cut off at both ends (default 0).
        output_padding: elements more at the end, below stride or dilation (default 0).
        groups: the channels are cut into so many groups that do not mix (default 1).
        bias: whether a bias is added (default True).
        dilation: steps between taps (default 1).
        precision: of the products, also those in gradients: "float32" (default), or "float16" on matrix units.

    Shape:
        (B, in_channels, {size}) to (B, out_channels, {result}), or both without B.

    Attributes:
        weight: Parameter (in_channels, out_channels / groups, {kernel}).
        bias: Parameter (out_channels,), or None.

    Raises:
        ValueError: sizes out of range, channels that groups does not divide, or another precision; at the call, an
            input that does not fit, or an output_size that can't be. TypeError: no whole numbers.
        DeviceError: at the call, precision "float16" on a device without such matrix units.
    """


class ConvTranspose1d(_ConvTranspose):
    __doc__ = _TRANSPOSED.format(n=1, pair="", size="L", result="L'", kernel="kernel_size")
    axes = 1
    _time_rank = 4

    def forward(self, x: ArrayLike, output_size: int | Sequence[int] | None = None) -> Any:
        """(B, in_channels, L) to (B, out_channels, L'); output_size: L', where stride leaves a choice."""
        return F.conv_transpose1d(
            x, self.weight, self.bias, self.stride, self._pads(), self._more(x, output_size), self.groups,
            self.dilation, precision=self.precision,
        )  # fmt: skip


class ConvTranspose2d(_ConvTranspose):
    __doc__ = _TRANSPOSED.format(
        n=2, pair="; one number, or (vertical, horizontal), as for those that follow", size="H, W", result="H', W'",
        kernel="kh, kw",
    )  # fmt: skip
    axes = 2
    _time_rank = 5

    def forward(self, x: ArrayLike, output_size: Sequence[int] | None = None) -> Any:
        """(B, in_channels, H, W) to (B, out_channels, H', W'); output_size: (H', W'), where stride leaves a choice."""
        return F.conv_transpose2d(
            x, self.weight, self.bias, self.stride, self._pads(), self._more(x, output_size), self.groups,
            self.dilation, precision=self.precision,
        )  # fmt: skip
