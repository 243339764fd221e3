"""Sorting: stable, NaN last (first when descending), by merging runs; values get gradients."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, INT32, Tensor, empty
from .elementwise import as_tensor, cast, where
from .gather import gather
from .layout import axis_index
from .number_kinds import is_nan
from .reductions import reduce_any
from .shape import basic_get, transpose

_RUN = 16  # of shaders/include/sort_keys.glsl

_RUNS = Kernel("sort-runs", over=lambda given: given["rows"] * -(-given["n"] // _RUN))
_MERGE = Kernel("sort-merge", over="key")


def argsort(x: Any, axis: int = -1, descending: bool = False) -> Tensor:
    """The indices that sort along an axis, int32; equal elements keep their order, NaN counts as largest.

    Raises:
        TypeError, ValueError: no such axis.
    """
    x = as_tensor("x", x)
    if x.ndim == 0:
        axis_index("axis", axis, 1)
        return cast(x._alias((1,)), INT32)._alias(()) * 0
    a = axis_index("axis", axis, x.ndim)
    down = arguments.flag("descending", descending)
    x = x.detach() if x.dtype in (FLOAT32, INT32) else cast(x, INT32)
    if a != x.ndim - 1:
        return transpose(argsort(transpose(x, a, -1), -1, descending), a, -1)
    rows, n = math.prod(x.shape[:-1]), x.shape[-1]
    key, place = empty((rows, n), INT32, x.engine), empty(x.shape, INT32, x.engine)
    real = x.dtype is FLOAT32
    _RUNS(x=x, key=key, place=place, rows=rows, n=n, work=8 * x.count, REAL_NUMBERS=real, DESCENDING=down)
    to, went = (empty(place.shape, INT32, x.engine) for _ in range(2)) if n > _RUN else (key, place)
    run = _RUN
    while run < n:
        work = x.count * n.bit_length()
        _MERGE(key=key, place=place, to=to, went=went, rows=rows, n=n, run=run, work=work)
        key, place, to, went = to, went, key, place
        run *= 2
    return place


def sort(x: Any, axis: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """Sorted values along an axis, and the indices that they had; see `argsort`."""
    x = as_tensor("x", x)
    order = argsort(x, axis, descending)
    return (gather(x, axis, order) if x.ndim else x.clone()), order


def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) values along an axis, best first, and their indices.

    Raises:
        TypeError, ValueError: no such axis, or not so many elements along it.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    count = arguments.size("k", k, 0)
    if count > x.shape[a]:
        raise ValueError(f"k must be at most {x.shape[a]}, the size of axis {a}, got {k}")
    order = basic_get(argsort(x, a, arguments.flag("largest", largest)), (slice(None),) * a + (slice(count),))
    return gather(x, a, order), order


def median(x: Any, axis: int | None = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The middle value along an axis (None: of all), of an even number the lower one, and its index; NaN wins.

    Raises:
        ValueError: an empty axis, or no such axis.
    """
    x = as_tensor("x", x)
    if axis is None:
        x, axis = x.flatten(), 0
    a, keepdims = axis_index("axis", axis, x.ndim), arguments.flag("keepdims", keepdims)
    n = x.shape[a]
    if n == 0:
        raise ValueError(f"median of an empty axis: x has shape {x.shape}")
    before = (slice(None),) * a
    order = argsort(x, a)
    pick = basic_get(order, (*before, slice((n - 1) // 2, (n - 1) // 2 + 1)))
    if x.dtype is FLOAT32:
        last = basic_get(order, (*before, slice(n - 1, n)))
        pick = where(reduce_any(is_nan(x), a, True), last, pick)
    value = gather(x, a, pick)
    return (value, pick) if keepdims else (value.squeeze(a), pick.squeeze(a))
