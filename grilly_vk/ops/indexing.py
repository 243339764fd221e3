"""Indexing by arrays and masks, reading and writing, with the meaning that PyTorch gives it.

Arrays of whole numbers (Tensors, numpy arrays, lists, ranges) broadcast against each other and pick elements together;
a mask of bools stands for the indices where it is true.  Their axes go where they stand if they stand side by side,
else to the front.  Plain numbers and slices are applied first (numpy counts plain numbers among the arrays).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import read
from ..runtime.kernel import Kernel
from ..tensor import BOOL, INT32, Tensor, overlap
from .counting import counting
from .elementwise import as_tensor, cast, where
from .gather import _indices, index_select
from .layout import broadcast_shape
from .scatter import nonzero_axes, put
from .shape import basic_get, basic_set, broadcast_to, permute

_ARRAYS = (Tensor, list, np.ndarray, range)
_NOT_BASIC = (*_ARRAYS, bool, np.bool_)


def getitem(x: Tensor, key: Any) -> Tensor:
    """numpy's indexing, a contiguous copy: whole numbers, slices, ... and None; arrays of whole numbers; masks.

    Raises:
        IndexError: out of range. TypeError: an index of the wrong type.
    """
    return get(x, key) if _by_array(key) else basic_get(x, key)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value in place, with broadcasting.

    Raises:
        RuntimeError: x is on the tape.
        ValueError: the value does not broadcast to x[key].
    """
    x.changing()
    if _by_array(key):
        _set(x, key, value)
    else:
        basic_set(x, key, value)
    x.version += 1


def _by_array(key: Any) -> bool:
    """Whether a key has an array or a bool in it, so that it is not basic indexing."""
    if type(key) is not tuple:
        return isinstance(key, _NOT_BASIC)
    return any(isinstance(k, _NOT_BASIC) for k in key)


_MASK_FILL = Kernel("mask-fill")


def _array(k: Any, x: Tensor) -> Tensor:
    """One of a key's arrays as an int32 or bool tensor; whether indices fit is looked at later."""
    if isinstance(k, Tensor):
        if k.dtype not in (INT32, BOOL):
            raise TypeError(f"a tensor is indexed by int32 or bool tensors, not {k.dtype}")
        return k
    given = read("an index", k)
    if given.size == 0 and given.dtype.kind == "f":
        given = given.astype(np.int32)
    if given.dtype.kind not in "biu":
        raise TypeError(f"a tensor is indexed by whole numbers and bools, not by an array of {given.dtype}")
    return as_tensor("index", given, x)


class _Key:
    """A key taken apart: the basic part, and the arrays with the axes (after the basic part) that they index."""

    def __init__(self, x: Tensor, key: Any) -> None:
        items = list(key) if isinstance(key, tuple) else [key]
        if [k for k in items if isinstance(k, (bool, np.bool_))]:
            raise TypeError("a tensor can't be indexed by a bool; see where")
        arrays = {i: _array(k, x) for i, k in enumerate(items) if isinstance(k, _ARRAYS)}
        wide = [
            arrays[i].ndim if i in arrays and arrays[i].dtype is BOOL else int(k is not None and k is not Ellipsis)
            for i, k in enumerate(items)
        ]  # axes of x that each takes
        if len([k for k in items if k is Ellipsis]) > 1:
            raise IndexError("an index can have one ... only")
        if sum(wide) > x.ndim:
            raise IndexError(f"{sum(wide)} indices for shape {x.shape}")
        if not [k for k in items if k is Ellipsis]:
            items.append(Ellipsis)
            wide.append(0)
        basic: list[Any] = []
        self.axes: list[int] = []
        self.picks: list[Tensor] = []
        axis = at = 0  # of x, and of what the basic part gives
        for i, k in enumerate(items):
            taken = x.ndim - sum(wide) if k is Ellipsis else wide[i]
            if i in arrays:
                index = arrays[i]
                sizes = x.shape[axis : axis + taken]
                if index.dtype is BOOL:
                    if index.shape != sizes:
                        raise IndexError(
                            f"a mask of shape {index.shape} does not fit axes {axis} to "
                            f"{axis + taken - 1} of a tensor of shape {x.shape}"
                        )
                    self.picks += nonzero_axes(index)
                else:
                    given = index if isinstance(k, Tensor) else k if len(k) else []
                    self.picks.append(_indices("index", given, sizes[0], x.engine))
                self.axes += range(at, at + taken)
                basic += [slice(None)] * taken
                at += taken
            else:
                basic.append(k)
                at += taken if k is Ellipsis else int(k is None or isinstance(k, slice))
            axis += taken
        self.basic = tuple(basic)

    def get(self, x: Tensor) -> Tensor:
        """The elements that the key means."""
        trivial = not [k for k in self.basic if k is not Ellipsis and k != slice(None)]
        y = x if trivial else basic_get(x, self.basic)
        axes, shape = self.axes, y.shape
        rest = [a for a in range(y.ndim) if a not in axes]
        common: tuple[int, ...] = ()
        for p in self.picks:
            common = broadcast_shape(common, p.shape)
        if axes != list(range(len(axes))):
            y = permute(y, [*axes, *rest])
        sizes = [shape[a] for a in axes]
        flat = y.reshape((math.prod(sizes), *[shape[a] for a in rest]))
        out = index_select(flat, 0, self._line(common, sizes)).reshape((*common, *[shape[a] for a in rest]))
        first, last = axes[0], axes[-1]
        if last - first + 1 != len(axes) or first == 0:
            return out  # apart: in front
        n = len(common)
        return permute(out, [*range(n, n + first), *range(n), *range(n + first, out.ndim)])

    def _line(self, common: tuple[int, ...], sizes: list[int]) -> Tensor:
        """The picks as indices into the axes of `sizes` made one; out of range if one of them is."""
        if len(self.picks) == 1:
            return broadcast_to(self.picks[0], common)._alias((math.prod(common),))
        line: Any = 0
        bad: Any = None
        for p, size in zip(self.picks, sizes):
            own = where(p < 0, p + size, p)
            outside = (own < 0) | (own >= size)
            bad = outside if bad is None else bad | outside
            line = line * size + own
        line = where(bad, math.prod(sizes), line)
        return broadcast_to(line, common)._alias((math.prod(common),))


def get(x: Tensor, key: Any) -> Tensor:
    """x[key] for a key by arrays; a copy, with gradients.

    Raises:
        IndexError: a mask that does not fit, too many indices, indices from the host that are out of range.
        TypeError: arrays of the wrong type. ValueError: arrays that don't broadcast.
    """
    return _Key(x, key).get(x)


def _set(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value for a key by arrays, in place; where an element is meant twice, the last value stays.

    Raises:
        As `get`; and ValueError for a value that does not broadcast to x[key].
    """
    given = cast(as_tensor("value", value, x), x.dtype).detach()
    mask = key[0] if isinstance(key, tuple) and len(key) == 1 else key
    if given.ndim == 0 and isinstance(mask, (Tensor, np.ndarray)) and mask.dtype == np.bool_:
        mask = _array(mask, x)  # no need to know where it is true
        if mask.ndim <= x.ndim and mask.shape == x.shape[: mask.ndim]:
            if overlap(mask, x):
                mask = mask.copy()
            inner = math.prod(x.shape[mask.ndim :])
            given = given.copy() if overlap(given, x) else given
            _MASK_FILL(mask=mask, value=given, y=x, n=x.count, inner=inner)
            return
    picks = _Key(x, key).get(counting(x.count, x.engine)._alias(x.shape))
    values = broadcast_to(given, picks.shape)
    put(x._alias((x.count,)), picks._alias((picks.count,)), values._alias((picks.count,)), 0, 0)
