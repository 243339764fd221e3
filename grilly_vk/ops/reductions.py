"""Reductions over any axes, and their gradients."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..autograd import record
from ..tensor import BOOL, FLOAT32, INT32, Tensor
from .copying import repeat
from .elementwise import as_tensor, binary, cast, unary
from .layout import axis_index, axis_set
from .reduce import reduce


def _spread(g: Tensor, shape: tuple[int, ...], axes: tuple[int, ...]) -> Tensor:
    """A gradient of a reduction, back over the reduced axes."""
    kept = tuple([1 if i in axes else s for i, s in enumerate(shape)])
    return repeat(g._alias(kept), shape)


def reduce_sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over axes (default all); bool counts, int32 stays int32.

    Sums of whole numbers are exact; what does not fit int32 is cut to the nearest that does.

    Raises:
        ValueError: an axis out of range or named twice.
    """
    x = as_tensor("x", x)
    x = cast(x, INT32) if x.dtype is BOOL else x
    axes = axis_set("axis", axis, len(x.shape))
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
    result = out._alias()  # not `out`: its node would keep itself alive

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
