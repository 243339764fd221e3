"""Repeating, cutting up and rearranging, made of what `shape` has; with gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .. import arguments
from ..tensor import Tensor, full
from .counting import counting
from .elementwise import as_tensor, binary, where
from .indexing import get
from .layout import axis_index
from .shape import basic_get, broadcast_to, concatenate, flip, permute, reshape


def _along(a: int, part: slice) -> tuple[slice, ...]:
    return (slice(None),) * a + (part,)


def repeat(x: Any, times: Sequence[int]) -> Tensor:
    """The whole array repeated along each axis, new axes in front (numpy's tile).

    Raises:
        ValueError: fewer numbers than axes, or negative ones.
    """
    x = as_tensor("x", x)
    counts = [arguments.size("repeats", n, 0) for n in times]
    if len(counts) < x.ndim:
        raise ValueError(f"repeats {tuple(counts)} must have at least {x.ndim} numbers, one for each axis of {x.shape}")
    shape = (1,) * (len(counts) - x.ndim) + x.shape
    if shape[:1] == (1,) and set(counts[1:]) <= {1}:
        return broadcast_to(reshape(x, shape), (counts[0], *shape[1:]))
    apart = [size for s in shape for size in (1, s)]
    wide = [size for n, s in zip(counts, shape) for size in (n, s)]
    return reshape(broadcast_to(reshape(x, apart), wide), [n * s for n, s in zip(counts, shape)])


def repeat_interleave(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element repeated along an axis (None: of the flat array); one number of times, or one for each.

    Raises:
        TypeError, ValueError: no such axis or numbers; numbers on the device, which are not known here.
    """
    x = as_tensor("x", x)
    if axis is None:
        x, axis = reshape(x, (x.count,)), 0
    a = axis_index("axis", axis, x.ndim)
    if isinstance(repeats, Tensor):
        raise TypeError("repeats must be a number or a list of them on the host, not a Tensor; give repeats.tolist()")
    if np.ndim(repeats):
        counts = [arguments.size("repeats", n, 0) for n in repeats]
        if len(counts) != x.shape[a]:
            raise ValueError(f"repeats has {len(counts)} numbers; axis {a} has {x.shape[a]} entries")
        return get(x, (slice(None),) * a + (np.repeat(np.arange(len(counts), dtype=np.int32), counts),))
    n = arguments.size("repeats", repeats, 0)
    head, tail = x.shape[: a + 1], x.shape[a + 1 :]
    wide = broadcast_to(reshape(x, (*head, 1, *tail)), (*head, n, *tail))
    return reshape(wide, (*x.shape[:a], x.shape[a] * n, *tail))


def chunk(x: Any, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """At most that many pieces of equal size along an axis, the last may be smaller.

    Raises:
        TypeError, ValueError: no such axis, or less than one piece.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    size = -(-x.shape[a] // arguments.size("chunks", chunks)) or 1
    starts = range(0, x.shape[a], size) if x.shape[a] else [0]
    return tuple(basic_get(x, _along(a, slice(i, i + size))) for i in starts)


def unbind(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """The entries of an axis, each without it."""
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    return tuple(basic_get(x, (slice(None),) * a + (i,)) for i in range(x.shape[a]))


def unflatten(x: Any, axis: int, sizes: Sequence[int]) -> Tensor:
    """An axis cut up into several; one size may be -1.

    Raises:
        ValueError: sizes whose product is not the axis'.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    given = list(arguments.wholes("sizes", sizes))
    if given.count(-1) == 1:
        rest = math.prod(s for s in given if s != -1)
        given[given.index(-1)] = x.shape[a] // rest if rest else 0
    if math.prod(given) != x.shape[a]:
        raise ValueError(f"sizes {tuple(given)} don't make up axis {a} of size {x.shape[a]}")
    return reshape(x, (*x.shape[:a], *given, *x.shape[a + 1 :]))


def movedim(x: Any, source: Any, destination: Any) -> Tensor:
    """Axes moved to other places, the others in their order.

    Raises:
        ValueError: not as many places as axes, or one named twice.
    """
    x = as_tensor("x", x)
    froms, tos = ([axis_index(name, a, x.ndim) for a in (v if isinstance(v, (tuple, list)) else [v])]
                  for name, v in (("source", source), ("destination", destination)))  # fmt: skip
    if len(froms) != len(tos) or len({*froms}) != len(froms) or len({*tos}) != len(tos):
        raise ValueError(f"source {source} and destination {destination} must name as many different axes")
    order: list[int] = [a for a in range(x.ndim) if a not in froms]
    for to, a in sorted(zip(tos, froms)):
        order.insert(to, a)
    return permute(x, order)


def flip_all(x: Any, axes: Any) -> Tensor:
    """Reversed along one or several axes."""
    x = out = as_tensor("x", x)
    for a in axes if isinstance(axes, (tuple, list)) else [axes]:
        out = flip(out, a)
    return x.clone() if out is x else out


def roll(x: Any, shifts: Any, axes: Any = None) -> Tensor:
    """Moved along axes, what goes out at the end coming in at the start (None: along the flat array).

    Raises:
        ValueError: not as many shifts as axes.
    """
    x = as_tensor("x", x)
    if axes is None:
        return reshape(roll(reshape(x, (x.count,)), shifts, 0), x.shape)
    by, along = ([*v] if isinstance(v, (tuple, list)) else [v] for v in (shifts, axes))
    if len(by) != len(along):
        raise ValueError(f"shifts {shifts} and axes {axes} must be as many")
    out = x
    for shift, axis in zip(by, along):
        a = axis_index("axis", axis, x.ndim)
        n = x.shape[a]
        cut = n - arguments.whole("shifts", shift) % n if n else 0
        if 0 < cut < n:
            out = concatenate([basic_get(out, _along(a, part)) for part in (slice(cut, None), slice(cut))], a)
    return out.clone() if out is x else out


def narrow(x: Any, axis: int, start: int, length: int) -> Tensor:
    """That many entries of an axis, from `start` on.

    Raises:
        ValueError: more than there are.
    """
    x = as_tensor("x", x)
    a = axis_index("axis", axis, x.ndim)
    n = x.shape[a]
    first = arguments.whole("start", start)
    count = arguments.size("length", length, 0)
    first += n if first < 0 else 0
    if not 0 <= first <= n - count:
        raise ValueError(f"start {start} and length {length} go beyond axis {a} of size {n}")
    return basic_get(x, _along(a, slice(first, first + count)))


def diag(x: Any) -> Tensor:
    """The diagonal of a matrix, or the diagonal matrix of a vector.

    Raises:
        ValueError: another number of axes.
    """
    x = as_tensor("x", x)
    if x.ndim == 2:
        n, m = x.shape
        count = min(n, m)
        return basic_get(reshape(x, (x.count,)), slice(0, max(count - 1, 0) * (m + 1) + 1 if count else 0, m + 1))
    if x.ndim == 1:
        rows = counting(x.shape[0], x.engine)
        same = binary("eq", reshape(rows, (-1, 1)), rows)
        return where(same, reshape(x, (1, -1)), full((), 0, x.dtype, x.engine))
    raise ValueError(f"diag needs one or two axes, got shape {x.shape}")


def triangle(x: Any, diagonal: int, *, upper: bool) -> Tensor:
    """The last two axes with 0 below the diagonal (upper) or above it.

    Raises:
        ValueError: fewer than two axes.
    """
    x = as_tensor("x", x)
    if x.ndim < 2:
        raise ValueError(f"{'triu' if upper else 'tril'} needs two axes at least, got shape {x.shape}")
    k = arguments.whole("diagonal", diagonal)
    across = binary("sub", counting(x.shape[-1], x.engine), reshape(counting(x.shape[-2], x.engine), (-1, 1)))
    return where(binary("ge" if upper else "le", across, k), x, full((), 0, x.dtype, x.engine))


def meshgrid(arrays: Sequence[Any], indexing: Literal["ij", "xy"] = "ij") -> tuple[Tensor, ...]:
    """Vectors spread over the grid that they span; indexing "ij" (PyTorch's default) or "xy".

    Raises:
        ValueError: arrays that are not 1-d, or another indexing.
    """
    given = [as_tensor(f"arrays[{i}]", a) for i, a in enumerate(arrays)]
    for i, a in enumerate(given):
        if a.ndim > 1:
            raise ValueError(f"arrays[{i}] has shape {a.shape}; expected (n,)")
    turn = arguments.choice("indexing", indexing, ("ij", "xy")) == "xy" and len(given) > 1
    order = [1, 0, *range(2, len(given))] if turn else list(range(len(given)))
    sizes = tuple(given[i].size for i in order)
    out = []
    for i, a in enumerate(given):
        shape = [1] * len(given)
        shape[order.index(i)] = a.size
        out.append(broadcast_to(reshape(a, shape), sizes))
    return tuple(out)
