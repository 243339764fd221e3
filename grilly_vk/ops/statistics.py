"""Reductions made of others: norms, deviations, products, and what counts."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import BOOL, FLOAT32, INT32, Tensor, empty, full
from .elementwise import as_tensor, binary, cast, unary, where
from .gather import index_select
from .layout import axis_index, axis_set
from .number_kinds import is_finite
from .reduce import reduce
from .reductions import reduce_max, reduce_sum, reduce_var
from .scatter import index_add, places
from .shape import basic_get, concatenate
from .sort import sort

_PRODUCTS = Kernel("cumprod-int", over="outer inner")


def _root(x: Tensor) -> Tensor:
    """sqrt(x) whose gradient at 0 is 0, as that of norms and deviations is taken."""
    y = unary("sqrt", x.detach())
    kept = y._alias()

    def backward(g: Tensor) -> Tensor:
        return where(binary("eq", kept, 0.0), 0.0, g._alias() * (binary("div", 0.5, kept)))

    record("root", (x,), (y,), backward, (kept,))
    return y


def reduce_std(x: Any, axis: Any = None, keepdims: bool = False, correction: int = 1) -> Tensor:
    """Standard deviation over axes (default all); see `reduce_var`."""
    return _root(reduce_var(x, axis, keepdims, correction))


def norm(x: Any, p: Any = 2, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The p-norm over axes (default all): p a number, inf, -inf, "fro" or None (both 2).

    Raises:
        TypeError, ValueError: another p, or no such axes.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    order = 2.0 if p is None or (isinstance(p, str) and p == "fro") else arguments.number("p", p)
    size = unary("abs", x)
    if order == math.inf:
        return reduce_max(size, axis, keepdims)
    if order == -math.inf:
        return -reduce_max(-size, axis, keepdims)
    if order == 0:
        return reduce_sum(cast(size, BOOL), axis, keepdims).astype(FLOAT32)
    if order == 1:
        return reduce_sum(size, axis, keepdims)
    if order == 2:
        return _root(reduce_sum(binary("mul", x, x), axis, keepdims))
    return binary("pow", reduce_sum(binary("pow", size, order), axis, keepdims), 1.0 / order)


def reduce_prod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Product over axes (default all); bool counts as 0 and 1, int32 stays int32.  Zeros have their right gradients.

    Raises:
        TypeError, ValueError: no such axes.
    """
    x = as_tensor("x", x)
    x = cast(x, INT32) if x.dtype is BOOL else x
    axes = axis_set("axis", axis, x.ndim)
    kind = "prod" if x.dtype is FLOAT32 else "prod_int"
    out = reduce(kind, x.detach(), axes, keepdims)
    if not x.requires_grad:
        return out
    kept = tuple(1 if i in axes else s for i, s in enumerate(x.shape))

    def backward(g: Tensor) -> Tensor:
        values = x._alias()
        zero = binary("eq", values, 0.0)
        zeros = reduce("sum", cast(zero, FLOAT32), axes, True)
        others = where(zero, 1.0, values)
        rest = reduce("prod", others, axes, True)
        slope = binary("div", rest, others)
        alone = binary("eq", zeros, cast(zero, FLOAT32))  # no zero but perhaps this one
        return where(alone, slope, 0.0) * g._alias(kept)

    record("prod", (x,), (out,), backward, (x,))
    return out


def cumprod(x: Any, axis: int) -> Tensor:
    """Products of the elements up to each one along an axis; of int32 they are cut to what fits.

    Raises:
        TypeError, ValueError: no such axis.
    """
    x = as_tensor("x", x)
    x = cast(x, INT32) if x.dtype is BOOL else x
    a = axis_index("axis", axis, x.ndim)
    if x.dtype is INT32:
        y = empty(x.shape, INT32, x.engine)
        outer, n, inner = math.prod(x.shape[:a]), x.shape[a], math.prod(x.shape[a + 1 :])
        _PRODUCTS(x=x, y=y, outer=outer, n=n, inner=inner, work=x.count)
        return y
    step, out = 1, x.clone()
    while step < x.shape[a]:  # doubling: after a pass, each holds the product of the last 2 * step

        def part(first: int | None, stop: int | None) -> tuple[slice, ...]:
            return (slice(None),) * a + (slice(first, stop),)

        later = binary("mul", basic_get(out, part(step, None)), basic_get(out, part(None, -step)))
        out = concatenate([basic_get(out, part(None, step)), later], a)
        step *= 2
    return out


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes (default all), without overflow."""
    x = cast(as_tensor("x", x), FLOAT32)
    axes, keepdims = axis_set("axis", axis, x.ndim), arguments.flag("keepdims", keepdims)
    top = reduce("max", x.detach(), axes, True)
    top = where(is_finite(top), top, 0.0)
    total = unary("log", reduce_sum(unary("exp", x - top), axes, True)) + top
    final = total.shape if keepdims else tuple(s for i, s in enumerate(total.shape) if i not in axes)
    return total.reshape(final)


def count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """How many elements over axes (default all) are not 0, int32."""
    return reduce_sum(cast(as_tensor("x", x).detach(), BOOL), axis, keepdims)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2 ... occurs in x, int32 (counts up to 2**24); or the sums of weights.  Waits.

    Raises:
        TypeError, ValueError: x is not a 1-d int32 tensor of numbers of at least 0.
    """
    x = as_tensor("x", x)
    if x.ndim != 1 or x.dtype is FLOAT32:
        raise ValueError(f"x must hold whole numbers along one axis, not {x.dtype} of shape {x.shape}")
    x = cast(x, INT32)
    n = arguments.size("minlength", minlength, 0)
    if x.count:
        low, high = int(reduce("min_int", x, (0,), False).item()), int(reduce("max_int", x, (0,), False).item())
        if low < 0:
            raise ValueError(f"x must not be negative, got {low}")
        n = max(n, high + 1)
    if weights is None:
        given = full((x.count,), 1.0, FLOAT32, x.engine)
    else:
        given = cast(as_tensor("weights", weights), FLOAT32)
    sums = index_add(full((n,), 0.0, FLOAT32, x.engine), 0, x, given)
    return cast(sums, INT32) if weights is None else sums


def unique(x: Any) -> Tensor:
    """The different elements, in rising order, 1-d; each NaN by itself.  Waits for the device."""
    x = as_tensor("x", x).detach()
    if x.count == 0:
        return empty((0,), x.dtype, x.engine)
    flat = x._alias((x.count,))
    if x.dtype is BOOL:
        return cast(unique(cast(flat, INT32)), BOOL)
    line = sort(flat, 0)[0]
    first = full((x.count,), True, BOOL, x.engine)
    first[1:] = binary("ne", line[1:], line[:-1])
    return index_select(line, 0, places(first))
