"""Reductions over any axes, in a fixed order: launches alone, off the tape."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..runtime.kernel import Kernel
from ..tensor import BOOL, INT32, Tensor, empty

# In the order of shaders/reduce.glsl.
KINDS = [
    "sum",
    "max",
    "min",
    "argmax",
    "argmin",
    "any",
    "all",
    "max_int",
    "min_int",
    "argmax_int",
    "argmin_int",
    "prod",
    "prod_int",
]
_PARTS = 64  # stretches that a long reduction with few results is cut into

_REDUCE = Kernel("reduce", over="outer parts inner")
_SUM_INT = Kernel("sum-int", over="outer parts inner")


def _middle(kind: str, x: Tensor, outer: int, n: int, inner: int, dtype: Any) -> Tensor:
    """(outer, n, inner) -> (outer, inner)."""
    parts = 1 if kind.startswith("arg") else _stretches(outer, n, inner)
    out = empty((outer, parts, inner), dtype, x.engine)
    work = max(1, outer * n * inner // 4)
    _REDUCE(x.engine, x=x, y=out, outer=outer, n=n, inner=inner, parts=parts, work=work, OP=KINDS.index(kind))
    return out if parts == 1 else _middle(kind, out, outer, parts, inner, dtype)


def _stretches(outer: int, n: int, inner: int) -> int:
    return min(_PARTS, n // 256) if outer * inner < 512 and n > 1024 else 1


def _sum_int(x: Tensor, outer: int, n: int, inner: int, wide: tuple[bool, bool]) -> Tensor:
    """(outer, n, inner) -> (outer, inner) of int32; `wide`: whether x is of 64 bits, (2, ...), and the result."""
    parts = _stretches(outer, n, inner)
    out_wide = wide[1] or parts > 1
    out = empty((2, outer, parts, inner) if out_wide else (outer, parts, inner), INT32, x.engine)
    work = max(1, outer * n * inner // 4)
    _SUM_INT(x=x, y=out, outer=outer, n=n, inner=inner, parts=parts, work=work, LONG_IN=wide[0], LONG_OUT=out_wide)
    return out if parts == 1 else _sum_int(out, outer, parts, inner, (True, wide[1]))


def reduce(kind: str, x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """One of KINDS, or "sum_int", over sorted axes, off the tape.  max and min of nothing raise."""
    shape, keepdims = list(x.shape), arguments.flag("keepdims", keepdims)
    if kind.startswith(("max", "min", "arg")) and any(x.shape[a] == 0 for a in axes):
        raise ValueError(f"{kind.split('_')[0]} of an empty axis: x has shape {x.shape}")
    dtype = INT32 if kind.startswith("arg") else BOOL if kind in ("any", "all") else x.dtype
    current, remaining = x, list(axes)
    while remaining:  # neighbouring axes go together
        last = remaining.pop()
        first = last
        while remaining and remaining[-1] == first - 1:
            first = remaining.pop()
        n = math.prod(shape[first : last + 1])
        outer, inner = math.prod(shape[:first]), math.prod(shape[last + 1 :])
        if kind == "sum_int":
            current = _sum_int(current, outer, n, inner, (current is not x, bool(remaining)))
        else:
            current = _middle(kind, current, outer, n, inner, dtype)
        shape[first : last + 1] = [1] * (last + 1 - first)
    if not axes:
        current = x.copy()  # only kinds of x's own dtype get here
    final = tuple(shape if keepdims else [s for i, s in enumerate(shape) if i not in axes])
    return current._alias(final)


def fold(partial: Tensor, axis: int) -> Tensor:
    """The sum over an axis of partial sums."""
    if partial.shape[axis] == 1:
        return partial._alias(partial.shape[:axis] + partial.shape[axis + 1 :])
    return reduce("sum", partial, (axis,), False)
