"""Pooling layers; what they compute and raise is said at the functions of the same names in `grilly_vk.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import arguments
from ...functional import pool as F
from ...settings import fixed
from ...typing import ArrayLike
from ..module import Module


class _Pool(Module):
    kernel_size, stride, padding, ceil_mode = fixed(), fixed(), fixed(), fixed()
    _axes = 2
    batchwise = True
    _time_rank = 5

    def __init__(self, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool) -> None:
        super().__init__()
        self.kernel_size = arguments.sizes("kernel_size", kernel_size, self._axes, 1)
        self.stride = self.kernel_size if stride is None else arguments.sizes("stride", stride, self._axes, 1)
        self.padding = arguments.sizes("padding", padding, self._axes, 0)
        self.ceil_mode = arguments.flag("ceil_mode", ceil_mode)

    def extra_repr(self) -> str:
        """The windows."""
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + (", ceil_mode=True" if self.ceil_mode else "")


_WINDOWS = """The {what} of each window{end}; see `grilly_vk.functional.{name}`.

    Args:
        kernel_size: of the window{pair}.
        stride: between windows (default None: kernel_size).
        padding: {padding} (default 0).{more}
        ceil_mode: also windows that reach over the end (default False).{last}

    Shape:
        (B, C, {size}) to (B, C, {result}), or both without B.

    Raises:
        ValueError, TypeError: no whole numbers in range; at the call, windows that do not fit the input.
    """
_PLANE = dict(end="", size="H, W", result="H', W'", pair="; one number, or (vertical, horizontal), as for the next two")
_LINE = dict(end=" along the last axis", size="L", result="L'", pair="")
_LARGEST = dict(
    what="largest value", last="", more="""
        dilation: steps between a window's elements (default 1).
        return_indices: also where each maximum was (default False).""",
)  # fmt: skip
_COUNTED = """
        count_include_pad: whether zeros of the padding count in the mean (default True)."""
_DIVIDED = """
        divisor_override: divide the sum by this instead (default None)."""


class MaxPool2d(_Pool):
    __doc__ = _WINDOWS.format_map(
        _PLANE | _LARGEST | dict(
            name="max_pool2d", padding="minus infinity on both sides",
            pair="; one number, or (vertical, horizontal), as for the next three",
        )
    )  # fmt: skip

    dilation, return_indices = fixed(), fixed()

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.dilation = arguments.sizes("dilation", dilation, self._axes, 1)
        self.return_indices = arguments.flag("return_indices", return_indices)

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, H, W) to (B, C, H', W')."""
        return F.max_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """The windows."""
        return super().extra_repr() + (f", dilation={self.dilation}" if max(self.dilation) > 1 else "")


class AvgPool2d(_Pool):
    __doc__ = _WINDOWS.format(
        name="avg_pool2d", what="mean", padding="zeros on both sides", more="", last=_COUNTED + _DIVIDED, **_PLANE
    )

    count_include_pad, divisor_override = fixed(), fixed()

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = arguments.flag("count_include_pad", count_include_pad)
        self.divisor_override = (
            None if divisor_override is None else arguments.size("divisor_override", divisor_override)
        )

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, H, W) to (B, C, H', W')."""
        return F.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class SumPool2d(_Pool):
    __doc__ = _WINDOWS.format_map(
        _PLANE | dict(
            name="sum_pool2d", what="sum", padding="zeros on both sides", more="", last="",
            end=", which keeps the charge that spikes carry",
        )
    )  # fmt: skip

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, H, W) to (B, C, H', W')."""
        return F.sum_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)


class AdaptiveAvgPool2d(Module):
    """The means over windows that divide the image into output_size; see `grilly_vk.functional.adaptive_avg_pool2d`.

    Args:
        output_size: one number for both axes, or (OH, OW); None keeps that axis's size.

    Shape:
        (B, C, H, W) to (B, C, OH, OW), or both without B.

    Raises:
        ValueError, TypeError: no whole numbers in range.
    """

    output_size = fixed()
    batchwise = True
    _time_rank = 5
    _shown = ("output_size",)

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = F.adaptive_size(output_size)

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, H, W) to (B, C, OH, OW)."""
        return F.adaptive_avg_pool2d(x, self.output_size)


class MaxPool1d(MaxPool2d):
    __doc__ = _WINDOWS.format(name="max_pool1d", padding="minus infinity at both ends", **_LARGEST, **_LINE)

    _axes = 1
    batchwise = True
    _time_rank = 4

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, L) to (B, C, L')."""
        return F.max_pool1d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class AvgPool1d(_Pool):
    __doc__ = _WINDOWS.format(
        name="avg_pool1d", what="mean", padding="zeros at both ends", more="", last=_COUNTED, **_LINE
    )

    count_include_pad = fixed()
    _axes = 1
    _time_rank = 4

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = arguments.flag("count_include_pad", count_include_pad)

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, L) to (B, C, L')."""
        return F.avg_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AdaptiveAvgPool1d(Module):
    """The means over output_size windows that divide the last axis; see `grilly_vk.functional.adaptive_avg_pool1d`.

    Args:
        output_size: the number of windows.

    Shape:
        (B, C, L) to (B, C, output_size), or both without B.

    Raises:
        ValueError, TypeError: no whole number in range.
    """

    output_size = fixed()
    batchwise = True
    _time_rank = 4
    _shown = ("output_size",)

    def __init__(self, output_size: int | Sequence[int]) -> None:
        super().__init__()
        (self.output_size,) = arguments.sizes("output_size", output_size, 1, 1)

    def forward(self, x: ArrayLike) -> Any:
        """(B, C, L) to (B, C, output_size)."""
        return F.adaptive_avg_pool1d(x, self.output_size)
