"""Pooling: what it takes is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from .. import arguments
from ..errors import shown
from ..ops import pool as ops
from ..ops.elementwise import as_tensor
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike
from ..values import axis_index

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d",
    "sum_pool", "sum_pool2d",
]  # fmt: skip

_NO_WINDOWS = dict.fromkeys(("kh", "kw", "stride_y", "stride_x", "pad_y", "pad_x", "gap_y", "gap_x"), 1)


def max_pool2d(
    x: ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window, as `torch.nn.functional.max_pool2d`.

    The gradient goes to the first of equal maxima (row by row); NaN is larger than any number.

    Args:
        x: (B, C, H, W) or (C, H, W).
        kernel_size: of the window; one number, or (vertical, horizontal), as for the next three.
        stride: between windows; None is kernel_size.
        padding: minus infinity on both sides; at most half the window.
        dilation: steps between a window's elements.
        ceil_mode: also windows that reach over the end, if they start inside.
        return_indices: also where each maximum was in its H * W plane, int32.

    Returns:
        (B, C, OH, OW), or without B; OH = (H + 2 * padding - dilation * (k - 1) - 1) // stride + 1. With
        `return_indices` a pair.

    Raises:
        ValueError: a window that doesn't fit in, or too much padding. TypeError: not float32, or no whole numbers.
    """
    return _largest(2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool2d(
    x: ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, as `torch.nn.functional.avg_pool2d`.

    Args:
        x: (B, C, H, W) or (C, H, W).
        kernel_size: of the window; one number, or (vertical, horizontal), as for the next two.
        stride: between windows; None is kernel_size.
        padding: zeros on both sides; at most half the window.
        ceil_mode: also windows that reach over the end, if they start inside.
        count_include_pad: whether zeros of the padding count in the mean.
        divisor_override: divide the sum by this instead.

    Returns:
        (B, C, OH, OW), or without B; OH = (H + 2 * padding - k) // stride + 1.

    Raises:
        ValueError: a window that doesn't fit in, or too much padding. TypeError: not float32, or no whole numbers.
    """
    return _mean(2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def max_pool1d(
    x: ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window along the last axis; arguments as in `max_pool2d`, one number each.

    Args:
        x: (B, C, L) or (C, L).

    Returns:
        (B, C, OL), or without B; with `return_indices` a pair.

    Raises:
        ValueError: a window that doesn't fit in, or too much padding. TypeError: not float32, or no whole numbers.
    """
    return _largest(1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(
    x: ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window along the last axis; arguments as in `avg_pool2d`, one number each.

    Args:
        x: (B, C, L) or (C, L).

    Returns:
        (B, C, OL), or without B.

    Raises:
        ValueError: a window that doesn't fit in, or too much padding. TypeError: not float32, or no whole numbers.
    """
    return _mean(1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def sum_pool2d(
    x: ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
) -> Tensor:
    """The sum of each window: what a pooling layer of spikes counts.

    Args:
        x: (B, C, H, W) or (C, H, W).
        kernel_size: of the window; one number, or (vertical, horizontal), as for the next two.
        stride: between windows; None is kernel_size.
        padding: zeros on both sides; at most half the window.
        ceil_mode: also windows that reach over the end, if they start inside.

    Returns:
        (B, C, OH, OW), or without B; OH = (H + 2 * padding - k) // stride + 1.

    Raises:
        ValueError: a window that doesn't fit in, or too much padding. TypeError: not float32, or no whole numbers.
    """
    x = _images(x)
    out, windows = _windows(x, kernel_size, stride, padding, 1, ceil_mode)
    return ops.pool("sum_pool2d", x, ops.FIXED, out, windows)[0]


def adaptive_avg_pool2d(x: ArrayLike, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The means over windows that divide the image into `output_size`, as `torch.nn.functional.adaptive_avg_pool2d`.

    Window i of n covers the inputs from floor(i * H / n) up to ceil((i + 1) * H / n), so neighbours may overlap.

    Args:
        x: (B, C, H, W) or (C, H, W).
        output_size: one number for both axes, or (OH, OW); None keeps that axis's size.

    Returns:
        (B, C, OH, OW), or without B.

    Raises:
        ValueError: shapes that don't fit. TypeError: not float32, or no whole numbers.
    """
    x = _images(x)
    out = [n if o is None else o for o, n in zip(adaptive_size(output_size), x.shape[-2:])]
    return ops.pool("adaptive_avg_pool2d", x, ops.WITHOUT_PAD, (out[0], out[1]), _NO_WINDOWS, adaptive=True)[0]


def adaptive_avg_pool1d(x: ArrayLike, output_size: int | Sequence[int]) -> Tensor:
    """The means over `output_size` windows that divide the last axis, as in `adaptive_avg_pool2d`.

    Args:
        x: (B, C, L) or (C, L).
        output_size: the number of windows.

    Returns:
        (B, C, output_size), or without B.

    Raises:
        ValueError: shapes that don't fit. TypeError: not float32, or no whole number.
    """
    x = _images(x, 1)
    (out,) = arguments.sizes("output_size", output_size, 1, 1)
    return ops.pool("adaptive_avg_pool1d", x, ops.WITHOUT_PAD, (1, out), _NO_WINDOWS, adaptive=True, axes=1)[0]


def sum_pool(
    value: ArrayLike,
    window_shape: int | Sequence[int],
    strides: int | Sequence[int],
    padding: Literal["VALID", "SAME"],
    channel_axis: int | None = -1,
) -> Tensor:
    """The sum of each window.

    Args:
        value: float32 of any rank, the batch first.
        window_shape: sizes of the window: as many as value has axes; or as many as it has besides the batch and the
            channels, for those; or fewer, for the last ones; or one number for all but the batch and the channels.
        strides: between windows, likewise.
        padding: "VALID": only windows that lie within value; "SAME": zeros on both sides, the odd one behind, so that
            there are ceil(size / stride) windows.
        channel_axis: is not pooled where it is not named; None: there is none.

    Returns:
        Pooled result, of the same rank as value.

    Raises:
        ValueError: another padding, sizes that don't fit the rank, a window that does not fit in, an axis out of range.
        TypeError: not float32, no whole numbers.

    Source: spyx.nn.sum_pool, and Haiku's pooling.
    """
    value = as_tensor("value", value)
    if value.dtype is not FLOAT32:
        raise TypeError(f"value must be float32, not {value.dtype}")
    arguments.choice("padding", padding, ("VALID", "SAME"))
    channel = None if channel_axis is None else axis_index("channel_axis", channel_axis, value.ndim)
    window = _per_axis("window_shape", window_shape, value.shape, channel)
    steps = _per_axis("strides", strides, value.shape, channel)
    places = [_places(i, value.shape, window[i], steps[i], padding) for i in range(value.ndim)]
    return ops.sum_windows(value, window, steps, places)


def adaptive_size(output_size: Any) -> tuple[int | None, int | None]:
    """(OH, OW), None where an axis keeps its size.

    Raises:
        ValueError, TypeError: neither one nor two whole numbers above 0.
    """
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(given) != 2:
        raise ValueError(f"output_size must be a whole number or 2 of them, got {shown(output_size)}")
    h, w = (None if n is None else arguments.size("output_size", n) for n in given)
    return h, w


def _largest(
    axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, return_indices: Any
) -> Any:
    x = _images(x, axes)
    out, windows = _windows(x, kernel_size, stride, padding, dilation, ceil_mode, axes)
    # Backward needs the places; without a tape and nobody asking they are not kept.
    return_indices = arguments.flag("return_indices", return_indices)
    index = return_indices or x.requires_grad
    y, taken = ops.pool(f"max_pool{axes}d", x, ops.MAXIMUM, out, windows, index=index, axes=axes)
    return (y, taken) if return_indices else y


def _mean(
    axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: Any, with_pad: Any, divisor: Any = None
) -> Tensor:
    x = _images(x, axes)
    out, windows = _windows(x, kernel_size, stride, padding, 1, ceil_mode, axes)
    kind = ops.WITH_PAD if arguments.flag("count_include_pad", with_pad) else ops.WITHOUT_PAD
    if divisor is not None:
        kind, divisor = ops.FIXED, arguments.size("divisor_override", divisor)
    return ops.pool(f"avg_pool{axes}d", x, kind, out, windows, divisor=divisor or 1.0, axes=axes)[0]


def _images(x: Any, axes: int = 2) -> Tensor:
    x = as_tensor("x", x)
    if x.dtype is not FLOAT32:
        raise TypeError(f"x must be float32, not {x.dtype}")
    if x.ndim not in (axes + 1, axes + 2) or 0 in x.shape[-axes:]:
        wanted = "(B, C, H, W) or (C, H, W) with H and W" if axes == 2 else "(B, C, L) or (C, L) with L"
        raise ValueError(f"x has shape {x.shape}; expected {wanted} above 0")
    return x


def _windows(
    x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, axes: int = 2
) -> tuple[tuple[int, int], dict[str, int]]:
    """(OH, OW), and the kernels' description of the windows; one axis is a row of height 1."""
    kernel = arguments.sizes("kernel_size", kernel_size, axes, 1)
    as_kernel = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    step = kernel if as_kernel else arguments.sizes("stride", stride, axes, 1)
    pad = arguments.sizes("padding", padding, axes, 0)
    gap = arguments.sizes("dilation", dilation, axes, 1)
    ceil_mode = arguments.flag("ceil_mode", ceil_mode)
    cover = tuple(d * (k - 1) + 1 for k, d in zip(kernel, gap))
    if any(2 * p > c for p, c in zip(pad, cover)):
        raise ValueError(f"padding {pad} must be at most half of what the window covers, {cover}")
    out = []
    for size, c, s, p in zip(x.shape[-axes:], cover, step, pad):
        room = size + 2 * p - c
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= size + p:
            count -= 1  # no window starts in the padding behind
        if count < 1:
            raise ValueError(f"x has shape {x.shape}; a window that covers {cover} must fit in with padding {pad}")
        out.append(count)
    names = ("k", kernel, 1), ("stride_", step, 1), ("pad_", pad, 0), ("gap_", gap, 1)
    both: dict[str, int] = {}
    for name, given, alone in names:
        pair = given if axes == 2 else (alone, *given)
        both |= {f"{name}{axis}": pair[i] for i, axis in enumerate("hw" if name == "k" else "yx")}
    return (out[0] if axes == 2 else 1, out[-1]), both


def _places(
    axis: int, shape: tuple[int, ...], window: int, step: int, padding: Literal["VALID", "SAME"]
) -> tuple[int, int]:
    """How many windows there are along an axis, and how much padding before it."""
    size = shape[axis]
    if padding == "VALID":
        if size < window:
            raise ValueError(f"value has shape {shape}; a window of {window} does not fit into axis {axis}")
        return (size - window) // step + 1, 0
    outs = -(-size // step)
    return outs, max(0, (outs - 1) * step + window - size) // 2


def _per_axis(name: str, size: Any, shape: tuple[int, ...], channel: int | None) -> list[int]:
    """One number for each axis."""
    ndim = len(shape)
    spatial = [i for i in range(1, ndim) if i != channel]
    out = [1] * ndim
    if not isinstance(size, (tuple, list)):
        number = arguments.size(name, size)
        for i in spatial:
            out[i] = number
        return out
    given = [arguments.size(name, n) for n in size]
    if len(given) > ndim:
        raise ValueError(f"{name} has {len(given)} sizes; value has shape {shape}, so {ndim} at most")
    if len(given) < ndim and len(given) == len(spatial):
        for i, number in zip(spatial, given):
            out[i] = number
        return out
    out[ndim - len(given) :] = given
    return out
