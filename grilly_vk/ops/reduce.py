"""Reductions over any axes, in a fixed order, and their gradients."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..autograd import record
from ..tensor import BOOL, FLOAT32, INT32, Tensor, empty
from .elementwise import as_tensor, binary, cast, unary
from .layout import axis_index, axis_set

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


def _middle(kind: str, x: Tensor, outer: int, n: int, inner: int, dtype: Any) -> Tensor:
    """(outer, n, inner) -> (outer, inner)."""
    parts = 1 if kind.startswith("arg") else _stretches(outer, n, inner)
    out = empty((outer, parts, inner), dtype, x.engine)
    x.engine.launch(
        "reduce",
        outer * parts * inner,
        (("OP", KINDS.index(kind)),),
        work=max(1, outer * n * inner // 4),
        x=x,
        y=out,
        outer=outer,
        n=n,
        inner=inner,
        parts=parts,
    )
    return out if parts == 1 else _middle(kind, out, outer, parts, inner, dtype)


def _stretches(outer: int, n: int, inner: int) -> int:
    return min(_PARTS, n // 256) if outer * inner < 512 and n > 1024 else 1


def _sum_int(x: Tensor, outer: int, n: int, inner: int, wide: tuple[bool, bool]) -> Tensor:
    """(outer, n, inner) -> (outer, inner) of int32; `wide`: whether x is of 64 bits, (2, ...), and the result."""
    parts = _stretches(outer, n, inner)
    out_wide = wide[1] or parts > 1
    out = empty((2, outer, parts, inner) if out_wide else (outer, parts, inner), INT32, x.engine)
    x.engine.launch(
        "sum-int",
        outer * parts * inner,
        (("LONG_IN", int(wide[0])), ("LONG_OUT", int(out_wide))),
        work=max(1, outer * n * inner // 4),
        x=x,
        y=out,
        outer=outer,
        n=n,
        inner=inner,
        parts=parts,
    )
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
        current = x.copy() if dtype is x.dtype else cast(x, dtype)
    final = tuple(shape if keepdims else [s for i, s in enumerate(shape) if i not in axes])
    return current._alias(final)


def fold(partial: Tensor, axis: int) -> Tensor:
    """The sum over an axis of partial sums."""
    if partial.shape[axis] == 1:
        return partial._alias(partial.shape[:axis] + partial.shape[axis + 1 :])
    return reduce("sum", partial, (axis,), False)


def _spread(g: Tensor, shape: tuple[int, ...], axes: tuple[int, ...]) -> Tensor:
    """A gradient of a reduction, back over the reduced axes."""
    from .shape import repeated

    kept = tuple([1 if i in axes else s for i, s in enumerate(shape)])
    return repeated(g._alias(kept), shape)


def reduce_sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over axes (default all); bool counts, int32 stays int32.

    Sums of whole numbers are exact; what does not fit int32 is cut to the nearest that does.

    Raises:
        ValueError: an axis out of range or named twice.
    """
    x = as_tensor("x", x)
    x = cast(x, INT32) if x.dtype is BOOL else x
    axes = axis_set("axis", axis, x.ndim)
    out = reduce("sum" if x.dtype is FLOAT32 else "sum_int", x, axes, keepdims)
    shape = x.shape
    record("sum", (x,), (out,), lambda g: _spread(g, shape, axes), ())
    return out


def reduce_mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Mean over axes (default all) as float32; of nothing it is NaN, as in numpy."""
    x = cast(as_tensor("x", x), FLOAT32)
    axes = axis_set("axis", axis, x.ndim)
    count = math.prod(x.shape[a] for a in axes)
    total = reduce_sum(x, axes, keepdims)
    return unary("scale", total, 1.0 / count) if count else total / total


def reduce_var(x: Any, axis: Any = None, keepdims: bool = False, correction: float = 1) -> Tensor:
    """Variance over axes (default all), by two passes; divides by count - correction (PyTorch's default 1).

    Raises:
        TypeError, ValueError: a correction that is no finite number; an axis as in `reduce_sum`.
    """
    correction = arguments.real("correction", correction)
    x = cast(as_tensor("x", x), FLOAT32)
    axes = axis_set("axis", axis, x.ndim)
    count = math.prod(x.shape[a] for a in axes)
    off = x - reduce_mean(x, axes, True)
    total = reduce_sum(off * off, axes, keepdims)
    return unary("scale", total, 1.0 / (count - correction)) if count > correction else total / 0.0


def _extreme(kind: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor("x", x)
    axes = axis_set("axis", axis, x.ndim)
    x = cast(x, INT32) if x.dtype is BOOL else x
    name = kind if x.dtype is FLOAT32 else f"{kind}_int"
    out = reduce(name, x, axes, keepdims)
    if not x.requires_grad:
        record(kind, (), (out,), lambda g: ())  # for anomaly detection
        return out
    result = out._alias()  # not `out`: its node would hold itself

    def backward(g: Tensor) -> Tensor:
        # Equal extremes share the gradient evenly, as in PyTorch's amax.
        ties = cast(binary("eq", x._alias(), _spread(result, x.shape, axes)), FLOAT32)
        share = g._alias(tuple(1 if i in axes else s for i, s in enumerate(x.shape))) / reduce("sum", ties, axes, True)
        return ties * share

    record(kind, (x,), (out,), backward, (x, result))
    return out


def reduce_max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Largest value over axes (default all); NaN wins.  Raises ValueError for an empty axis."""
    return _extreme("max", x, axis, keepdims)


def reduce_min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Smallest value over axes (default all); NaN wins.  Raises ValueError for an empty axis."""
    return _extreme("min", x, axis, keepdims)


def _arg(kind: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor("x", x)
    if x.dtype is not FLOAT32:
        x, kind = cast(x, INT32), f"{kind}_int"
    if axis is None:
        out = reduce(kind, x._alias((x.count,)), (0,), False)
        return out._alias((1,) * x.ndim) if keepdims else out
    return reduce(kind, x, (axis_index("axis", axis, x.ndim),), keepdims)


def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first largest value along an axis (None: in the flat array), int32."""
    return _arg("argmax", x, axis, keepdims)


def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first smallest value along an axis (None: in the flat array), int32."""
    return _arg("argmin", x, axis, keepdims)


def reduce_any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether any element over axes (default all) is true (not 0)."""
    x = cast(as_tensor("x", x), BOOL)
    return reduce("any", x, axis_set("axis", axis, x.ndim), keepdims)


def reduce_all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over axes (default all) are true (not 0)."""
    x = cast(as_tensor("x", x), BOOL)
    return reduce("all", x, axis_set("axis", axis, x.ndim), keepdims)
