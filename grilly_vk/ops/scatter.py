"""Writing elements by index: the counterparts of gather; and the places of true elements."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import BOOL, FLOAT32, INT32, Tensor, empty, full
from .counting import counting
from .elementwise import as_tensor, binary, cast, where
from .gather import _indices, _pick, add_up, gather
from .layout import axis_index
from .scan import cumsum
from .shape import broadcast_to, stack

_LAST = Kernel("scatter-last", over="outer k inner")
_PUT = Kernel("scatter-put", over="y")
_COMPACT = Kernel("compact")


def _last(x: Tensor, index: Tensor, a: int, each: int) -> tuple[Tensor, dict[str, Any]]:
    """Which index comes last for each entry of x, and the sizes that the kernels take."""
    outer, n, inner = math.prod(x.shape[:a]), x.shape[a], math.prod(x.shape[a + 1 :])
    k = index.shape[a] if each else index.count
    last = full(x.shape, 0, INT32, x.engine)
    sizes: dict[str, Any] = dict(outer=outer, n=n, inner=inner, k=k)
    _LAST(pick=index, last=last, EACH=each, **sizes)
    return last, sizes


def put(x: Tensor, index: Tensor, values: Tensor, a: int, each: int) -> None:
    """x[index] = values along axis a, in place and unchecked: where an entry is meant twice, the last value stays."""
    last, sizes = _last(x, index, a, each)
    _PUT(last=last, value=values, y=x, **sizes)


def _checked(x: Any, axis: int, index: Any, source: Any) -> tuple[Tensor, int, Tensor, Tensor]:
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    picks = _indices("index", index, x.shape[a], x.engine)
    if picks.ndim != x.ndim or picks.shape[:a] + picks.shape[a + 1 :] != x.shape[:a] + x.shape[a + 1 :]:
        raise ValueError(f"index has shape {picks.shape}; expected {x.shape} except on axis {a}")
    given = as_tensor("src", source, x)
    if given.ndim and given.shape != picks.shape:
        raise ValueError(f"src has shape {given.shape}; expected {picks.shape}, as index has, or a number")
    return x, a, picks, broadcast_to(cast(given, x.dtype) if given.dtype is not x.dtype else given, picks.shape)


def scatter(x: Any, axis: int, index: Any, source: Any) -> Tensor:
    """A copy of x with out[index[i][j]][j] = source[i][j] (for axis 0); of several for one entry the last stays.

    Args:
        x: Tensor (...).
        axis: along which index counts.
        index: int32, of x's shape except on `axis`; negative ones count from the end.
        source: Tensor of index's shape, or a number.

    Raises:
        ValueError: other shapes. IndexError, TypeError: indices as in `gather`.
    """
    x, a, picks, given = _checked(x, axis, index, source)
    out = x.detach().clone()
    put(out, picks, given, a, 1)
    saved = [picks] if x.requires_grad or given.requires_grad else []
    shape = x.shape
    need_x, need_source = x.requires_grad, given.requires_grad

    def backward(g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        last = _last(g, picks, a, 1)[0]
        kept = where(binary("eq", last, 0), g._alias(), 0.0) if need_x else None
        if not need_source:
            return kept, None
        # A value that was written over has no gradient.
        own = binary("eq", gather(last, a, picks), _counting(picks, a) + 1)
        return kept, where(own, gather(g._alias(shape), a, picks), 0.0)

    record("scatter", (x, given), (out,), backward, saved)
    return out


def _counting(like: Tensor, a: int) -> Tensor:
    """0, 1, 2 ... along an axis."""
    shape = like.shape
    row = counting(shape[a], like.engine)._alias((shape[a],) + (1,) * (len(shape) - a - 1))
    return broadcast_to(row, shape)


def scatter_add(x: Any, axis: int, index: Any, source: Any) -> Tensor:
    """A copy of x with source[i][j] added to out[index[i][j]][j] (for axis 0), in a fixed order.

    Raises:
        TypeError: x is not float32. ValueError, IndexError: as in `scatter`.
    """
    x, a, picks, given = _checked(x, axis, index, source)
    return _added(x, a, picks, given, 1)


def index_add(x: Any, axis: int, index: Any, source: Any) -> Tensor:
    """A copy of x with the entries of source added to those of x that a 1-d index names, in a fixed order.

    Raises:
        TypeError: x is not float32. ValueError: source's shape differs from x's off the axis, or from index's on it.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    picks = _indices("index", index, x.shape[a], x.engine)
    given = as_tensor("source", source, x)
    wanted = (*x.shape[:a], picks.count, *x.shape[a + 1 :])
    if picks.ndim != 1 or given.shape != wanted:
        raise ValueError(f"source has shape {given.shape} and index {picks.shape}; expected {wanted} and (k,)")
    return _added(x, a, picks, given, 0)


def _added(x: Tensor, a: int, picks: Tensor, given: Tensor, each: int) -> Tensor:
    if x.dtype is not FLOAT32:
        raise TypeError(f"x must be float32 to be added to by index, not {x.dtype}")
    total = empty(x.shape, FLOAT32, x.engine)
    k = picks.shape[a] if each else picks.count
    sizes: dict[str, Any] = dict(outer=math.prod(x.shape[:a]), n=x.shape[a], inner=math.prod(x.shape[a + 1 :]), k=k)
    add_up(given, picks, total, EACH=each, **sizes)
    shape = given.shape
    record("scatter_add", (given,), (total,), lambda g: _pick("gather", g._alias(), picks, a, shape, each), [picks])
    return x + total


def places(mask: Tensor) -> Tensor:
    """Where a bool tensor is true, as indices into its flat memory, int32 (k,).  Waits for the device.

    Raises:
        RuntimeError: inside a capture: how many there are is not known there.
    """
    if mask.count == 0:
        return empty((0,), INT32, mask.engine)
    flat = mask._alias((mask.count,))
    count = cumsum(cast(flat, INT32), 0)
    total = int(count[-1].item())
    out = empty((total,), INT32, mask.engine)
    if total:
        _COMPACT(mask=flat, count=count, place=out, n=mask.count)
    return out


def nonzero(x: Any) -> Tensor:
    """Where x is not 0, as rows of indices, int32 (k, ndim), in C order.  Waits for the device."""
    x = as_tensor("x", x)
    if x.ndim:
        return stack(list(nonzero_axes(x)), 1)
    found = places(cast(x, BOOL)._alias((1,)))
    return found._alias((found.count, 0))


def nonzero_axes(x: Any) -> tuple[Tensor, ...]:
    """Where x is not 0, as one tensor of indices for each axis, as numpy's nonzero.  Waits for the device."""
    x = as_tensor("x", x)
    flat = places(cast(x, BOOL))
    out = []
    for size in reversed(x.shape):
        out.append(flat % size)
        flat = flat // size
    return tuple(reversed(out))
