"""Pooling over the last axis or two, with gradients that every input gathers from the windows that hold it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..errors import shown
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from ..typing import ArrayLike
from .conv import numbers
from .elementwise import as_tensor

_MAXIMUM, _FIXED, _WITH_PAD, _WITHOUT_PAD = range(4)  # as in shaders/pool.glsl
_NO_WINDOWS = dict.fromkeys(("kh", "kw", "stride_y", "stride_x", "pad_y", "pad_x", "gap_y", "gap_x"), 1)

_POOL = Kernel("pool", over="planes oh ow", cut="x y index", steps="planes")
_GRAD = Kernel("pool-grad", over="planes h w", cut="g y index", steps="planes")


def _images(x: Any, axes: int = 2) -> Tensor:
    x = as_tensor("x", x)
    if x.dtype != np.float32:
        raise TypeError(f"x must be float32, not {x.dtype}")
    if x.ndim not in (axes + 1, axes + 2) or 0 in x.shape[-axes:]:
        wanted = "(B, C, H, W) or (C, H, W) with H and W" if axes == 2 else "(B, C, L) or (C, L) with L"
        raise ValueError(f"x has shape {x.shape}; expected {wanted} above 0")
    return x


def _windows(
    x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, axes: int = 2
) -> tuple[tuple[int, int], dict[str, int]]:
    """(OH, OW), and the kernels' description of the windows; one axis is a row of height 1."""
    kernel = numbers("kernel_size", kernel_size, axes, 1)
    as_kernel = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    step = kernel if as_kernel else numbers("stride", stride, axes, 1)
    pad = numbers("padding", padding, axes, 0)
    gap = numbers("dilation", dilation, axes, 1)
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


def _pool(
    name: str, x: Tensor, kind: int, out: tuple[int, int], windows: dict[str, int], *, divisor: float = 1.0,
    adaptive: bool = False, index: bool = False, axes: int = 2,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """The pooled images, and with `index` where in the plane each maximum was."""
    h, w = x.shape[-2:] if axes == 2 else (1, x.shape[-1])
    planes, inputs, results = math.prod(x.shape[:-axes]), h * w, out[0] * out[1]
    y = empty((*x.shape[:-axes], *out[-axes:]), on=x.engine)
    taken = empty(y.shape, np.int32) if index else None
    push: dict[str, Any] = {"h": h, "w": w, "oh": out[0], "ow": out[1], "divisor": divisor, **windows}
    push |= {"KIND": kind, "ADAPTIVE": adaptive}
    window = -(-inputs // results) if adaptive else windows["kh"] * windows["kw"]

    _POOL(x=x, y=y, index=taken, planes=planes, work=results * window, INDEX=index, **push)
    before, engine = x.shape, x.engine

    def backward(g: Tensor, *_: Any) -> Tensor:
        gx = empty(before, on=engine)
        _GRAD(g=g, index=taken, y=gx, planes=planes, work=max(inputs, results * window), **push)
        return gx

    record(name, (x,), (y,), backward, () if taken is None else (taken,))
    return y, taken


def _largest(
    axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, return_indices: Any
) -> Any:
    x = _images(x, axes)
    out, windows = _windows(x, kernel_size, stride, padding, dilation, ceil_mode, axes)
    # Backward needs the places; without a tape and nobody asking they are not kept.
    return_indices = arguments.flag("return_indices", return_indices)
    index = return_indices or x.requires_grad
    y, taken = _pool(f"max_pool{axes}d", x, _MAXIMUM, out, windows, index=index, axes=axes)
    return (y, taken) if return_indices else y


def _mean(
    axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: Any, with_pad: Any, divisor: Any = None
) -> Tensor:
    x = _images(x, axes)
    out, windows = _windows(x, kernel_size, stride, padding, 1, ceil_mode, axes)
    kind = _WITH_PAD if arguments.flag("count_include_pad", with_pad) else _WITHOUT_PAD
    if divisor is not None:
        kind, divisor = _FIXED, arguments.size("divisor_override", divisor)
    return _pool(f"avg_pool{axes}d", x, kind, out, windows, divisor=divisor or 1.0, axes=axes)[0]


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
    return _pool("sum_pool2d", x, _FIXED, out, windows)[0]


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
    return _pool("adaptive_avg_pool2d", x, _WITHOUT_PAD, (out[0], out[1]), _NO_WINDOWS, adaptive=True)[0]


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
    (out,) = numbers("output_size", output_size, 1, 1)
    return _pool("adaptive_avg_pool1d", x, _WITHOUT_PAD, (1, out), _NO_WINDOWS, adaptive=True, axes=1)[0]
