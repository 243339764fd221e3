"""Sums over windows along any axes, one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from .. import arguments
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike
from .elementwise import as_tensor
from .layout import axis_index
from .pool import _FIXED, _pool
from .shape import reshape


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
    for axis, (outs, before) in enumerate(places):
        if window[axis] == 1 and steps[axis] == 1:
            continue
        lead, size, tail = value.shape[:axis], value.shape[axis], value.shape[axis + 1 :]
        inner = math.prod(tail)
        flat = reshape(value, (math.prod(lead), size, inner))
        columns = {"kw": 1, "stride_x": 1, "pad_x": 0, "gap_x": 1}
        rows = {"kh": window[axis], "stride_y": steps[axis], "pad_y": before, "gap_y": 1}
        value = reshape(_pool("sum_pool", flat, _FIXED, (outs, inner), rows | columns)[0], (*lead, outs, *tail))
    return value


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
