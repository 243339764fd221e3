"""Picking elements by index: index_select, gather, embedding; gradients add up in a fixed order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import BOOL, FLOAT32, INT32, UINT32, Tensor, empty, from_numpy
from ..typing import ArrayLike
from .elementwise import as_tensor
from .layout import axis_index, width_of

# What an index from the device that is out of range gives: NaN, the least int32, the largest uint32, False.
_OUTSIDE = {FLOAT32: 0x7FC00000, INT32: 0x80000000, UINT32: 0xFFFFFFFF, BOOL: 0}

_GATHER = Kernel("gather", over="outer k inner", fours=None)
_ADD = Kernel("scatter-add", over="outer n inner", fours=None)


def _indices(name: str, value: Any, n: int, on: Engine) -> Tensor:
    """Indices as an int32 tensor; those that come from the host are checked against n, and go to `on`."""
    if isinstance(value, Tensor):
        if value.dtype is not INT32:
            raise TypeError(f"{name} must be an int32 tensor, not {value.dtype}")
        return value
    given = arguments.numbers_of(name, value)
    if given.size == 0:
        given = given.astype(np.int32)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold whole numbers, not {arguments.came(value, given)}")
    if given.size and (given.min() < -n or given.max() >= n):
        raise IndexError(f"{name} holds {given.min()}..{given.max()}; the axis has {n} entries")
    return from_numpy(np.asarray(given, np.int32, order="C"), on=on)


def _pick(name: str, x: Tensor, index: Tensor, a: int, shape: tuple[int, ...], each: int, skip: int = -1) -> Tensor:
    out = empty(shape, x.dtype, x.engine)
    outer, n, inner = math.prod(x.shape[:a]), x.shape[a], math.prod(x.shape[a + 1 :])
    k = index.shape[a] if each else index.count
    before, engine = x.shape, x.engine
    sizes = dict(outer=outer, n=n, k=k, EACH=each)
    wide = by_rows(inner, each, x)
    _GATHER(x=x, pick=index, y=out, outside=_OUTSIDE[x.dtype], inner=inner // wide, vec4=wide == 4, **sizes)

    def backward(g: Tensor) -> Tensor:
        gx = empty(before, on=engine)
        add_up(g, index, gx, inner=inner, skip=skip, **sizes)
        return gx

    record(name, (x,), (out,), backward, (index,))
    return out


def by_rows(inner: int, each: int, *tensors: Tensor) -> int:
    """Elements a load where an index picks rows of `inner` neighbours; one where each element has its own (EACH)."""
    return 1 if each else width_of(inner, *tensors)


def add_up(gy: Tensor, pick: Tensor, gx: Tensor, *, inner: int, n: int, k: int, skip: int = -1, **more: int) -> None:
    """gx (outer, n, inner) from what gy (outer, k, inner) adds to its entries `pick`."""
    wide = by_rows(inner, more["EACH"], gy)
    work = gx.count // wide * max(1, k // 8)
    _ADD(gy=gy, pick=pick, gx=gx, n=n, k=k, inner=inner // wide, skip=skip, work=work, vec4=wide == 4, **more)


def index_select(x: Any, axis: int, index: Any) -> Tensor:
    """Entries of an axis, in the order of a 1-d index; negative ones count from the end.

    Raises:
        IndexError: out of range (indices from the host; on the device they give NaN, the least int32 or False).
        TypeError: an index that is not whole numbers. ValueError: not one axis.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    picks = _indices("index", index, x.shape[a], x.engine)
    if picks.ndim != 1:
        raise ValueError(f"index has shape {picks.shape}; expected (k,)")
    return _pick("index_select", x, picks, a, (*x.shape[:a], picks.count, *x.shape[a + 1 :]), 0)


def gather(x: Any, axis: int, index: Any) -> Tensor:
    """out[i][j] = x[index[i][j]][j] (for axis 0): an index for every element, as in PyTorch.

    Raises:
        ValueError: index's shape differs from x's off the axis. IndexError, TypeError: as in index_select.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    picks = _indices("index", index, x.shape[a], x.engine)
    if picks.ndim != x.ndim or picks.shape[:a] + picks.shape[a + 1 :] != x.shape[:a] + x.shape[a + 1 :]:
        raise ValueError(f"index has shape {picks.shape}; expected {x.shape} except on axis {a}")
    return _pick("gather", x, picks, a, picks.shape, 1)


def embedding(index: ArrayLike, weight: ArrayLike, padding_idx: int | None = None) -> Tensor:
    """Rows of a matrix, one for each index.

    Args:
        index: whole numbers of any shape (...); negative ones count from the end.
        weight: (n, d), float32 where it gets gradients.
        padding_idx: a row that gets no gradient (negative: from the end), so that training leaves it as it is.

    Returns:
        (..., d).

    Raises:
        IndexError: an index out of range (those from the host; on the device they give NaN, the least int32 or False).
        TypeError: an index or padding_idx that is not whole numbers.
        ValueError: a weight without two axes, or a padding_idx out of range.
    """
    weight = as_tensor("weight", weight)
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}; expected (n, d)")
    skip = -1 if padding_idx is None else padding_row(padding_idx, weight.shape[0])
    picks = _indices("index", index, weight.shape[0], weight.engine)
    return _pick("embedding", weight, picks._alias((picks.count,)), 0, (*picks.shape, weight.shape[1]), 0, skip)


def padding_row(padding_idx: Any, n: int) -> int:
    """The row of n that `padding_idx` means, from 0.

    Raises:
        TypeError, ValueError: no whole number, or no such row.
    """
    row = arguments.size("padding_idx", padding_idx, least=-n)
    if row >= n:
        raise ValueError(f"padding_idx must be below {n}, the number of rows, got {padding_idx}")
    return row % n
