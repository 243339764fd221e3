"""Reductions under PyTorch's names of methods and arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import arguments
from ..ops import reductions as r
from ..ops import scan, sort, statistics
from ..ops.elementwise import binary, cast
from ..ops.gather import gather
from ..ops.layout import axis_index
from ..tensor import Tensor, dtype_of
from ..typing import ArrayLike, Axes, DTypeLike
from .attach import attached, with_dim
from .callers import unpacks


class Extreme(NamedTuple):
    """What `max`, `min`, `median`, `sort` and `topk` give along an axis: the values, and where they were (int32)."""

    values: Tensor
    indices: Tensor


class _Values(Tensor):
    """The values alone, which code that wants Extreme must not take apart row by row without noticing."""

    __slots__ = ()

    def __iter__(self) -> Any:
        if unpacks():
            raise TypeError(
                "max(axis=...) and min(axis=...) give values only; for values and indices say max(dim=...), "
                "for the rows say unbind()"
            )
        return super().__iter__()


def _cast(result: Tensor, dtype: Any) -> Tensor:
    return result if dtype is None else cast(result, dtype_of(dtype))


def _correction(correction: Any, unbiased: Any) -> Any:
    if unbiased is None:
        return 1 if correction is None else correction
    if correction is not None:
        raise TypeError("var and std take either correction or unbiased, not both")
    return int(arguments.flag("unbiased", unbiased))


def _extreme(kind: str) -> Any:
    of = {"max": r.reduce_max, "min": r.reduce_min}[kind]
    place = {"max": r.argmax, "min": r.argmin}[kind]

    def method(
        self: Tensor,
        dim: Axes = None,
        keepdim: bool = False,
        *,
        axis: Axes = None,
        keepdims: bool | None = None,
        other: ArrayLike | None = None,
    ) -> Any:
        if other is not None or isinstance(dim, Tensor):
            return binary(f"{kind}imum", self, dim if other is None else other)
        keep = arguments.flag("keepdim", keepdim) if keepdims is None else arguments.flag("keepdims", keepdims)
        if isinstance(dim, (tuple, list)) and axis is None:
            dim, axis = None, dim  # over several axes there is no one index
        if axis is not None:
            if dim is not None:
                raise TypeError(f"{kind} got both axis and dim, which mean the same")
            out = of(self, axis, keep)
            out.__class__ = _Values
            return out
        if dim is None:
            return of(self, None, keep)
        a = axis_index("dim", dim, self.ndim)
        where = place(self.detach(), a, True)
        values = gather(self, a, where)
        return Extreme(values, where) if keep else Extreme(values.squeeze(a), where.squeeze(a))

    method.__doc__ = f"""The {"largest" if kind == "max" else "smallest"} element; NaN wins.

    ``x.{kind}()`` is a Tensor; ``x.{kind}(dim)`` along one axis a named pair (values, indices), whose gradient goes to
    the first of several, as in PyTorch; ``x.{kind}(axis=...)`` over one or several axes the values, as in numpy, whose
    gradient is shared among equal ones; ``x.{kind}(other)`` element by element against another Tensor.

    Raises:
        ValueError: an empty axis, or no such axis.
    """
    return method


def _on_host(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.numpy()
    if type(value) in (list, tuple):
        return type(value)(map(_on_host, value))
    return value


@attached
class Reductions(Tensor):
    """Reductions, under PyTorch's names of methods and arguments."""

    @with_dim
    def sum(self, axis: Axes = None, keepdims: bool = False, *, dtype: DTypeLike = None) -> Tensor:
        """Sum over axes (default all); bool counts, int32 stays int32."""
        return r.reduce_sum(_cast(self, dtype), axis, keepdims)

    @with_dim
    def mean(self, axis: Axes = None, keepdims: bool = False, *, dtype: DTypeLike = None) -> Tensor:
        """Mean over axes (default all) as float32; of nothing it is NaN."""
        return _cast(r.reduce_mean(self, axis, keepdims), dtype)

    @with_dim
    def var(
        self, axis: Axes = None, keepdims: bool = False, correction: Any = None, *, unbiased: bool | None = None
    ) -> Tensor:
        """Variance over axes (default all), divided by count - correction: 1, or 0 with unbiased=False."""
        return r.reduce_var(self, axis, keepdims, _correction(correction, unbiased))

    @with_dim
    def std(
        self, axis: Axes = None, keepdims: bool = False, correction: Any = None, *, unbiased: bool | None = None
    ) -> Tensor:
        """Standard deviation over axes (default all): the root of `var`."""
        return statistics.reduce_std(self, axis, keepdims, _correction(correction, unbiased))

    @with_dim
    def prod(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Product over axes (default all)."""
        return statistics.reduce_prod(self, axis, keepdims)

    @with_dim
    def norm(self, p: Any = 2, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """The p-norm over axes (default all)."""
        return statistics.norm(self, p, axis, keepdims)

    @with_dim
    def amax(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """The largest element over axes (default all); NaN wins, equal ones share the gradient."""
        return r.reduce_max(self, axis, keepdims)

    @with_dim
    def amin(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """The smallest element over axes (default all); NaN wins, equal ones share the gradient."""
        return r.reduce_min(self, axis, keepdims)

    @with_dim
    def argmax(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Index of the first largest element along an axis (None: in the flat array), int32."""
        return r.argmax(self, axis, keepdims)

    @with_dim
    def argmin(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Index of the first smallest element along an axis (None: in the flat array), int32."""
        return r.argmin(self, axis, keepdims)

    @with_dim
    def any(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Whether any element over axes (default all) is not 0."""
        return r.reduce_any(self, axis, keepdims)

    @with_dim
    def all(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Whether all elements over axes (default all) are not 0."""
        return r.reduce_all(self, axis, keepdims)

    @with_dim
    def logsumexp(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """log(sum(exp(x))) over axes (default all), without overflow."""
        return statistics.logsumexp(self, axis, keepdims)

    @with_dim
    def count_nonzero(self, axis: Axes = None) -> Tensor:
        """How many elements over axes (default all) are not 0, int32."""
        return statistics.count_nonzero(self, axis)

    @with_dim
    def cumsum(self, axis: int) -> Tensor:
        """Sums of the elements up to each one along an axis."""
        return scan.cumsum(self, axis)

    @with_dim
    def cumprod(self, axis: int) -> Tensor:
        """Products of the elements up to each one along an axis."""
        return statistics.cumprod(self, axis)

    @with_dim
    def median(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """The middle element, of an even number the lower one: of all, or along an axis as (values, indices)."""
        value, where = sort.median(self, axis, keepdims)
        return value if axis is None else Extreme(value, where)

    @with_dim
    def sort(self, axis: int = -1, descending: bool = False, stable: bool = True) -> Extreme:
        """Sorted along an axis, as (values, indices); always stable, NaN counts as largest."""
        arguments.flag("stable", stable)
        return Extreme(*sort.sort(self, axis, descending))

    @with_dim
    def argsort(self, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
        """The indices that sort along an axis, int32; always stable."""
        arguments.flag("stable", stable)
        return sort.argsort(self, axis, descending)

    @with_dim
    def topk(self, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> Extreme:
        """The k largest (or smallest) along an axis, best first, as (values, indices)."""
        arguments.flag("sorted", sorted)
        return Extreme(*sort.topk(self, k, axis, largest))

    def unique(self) -> Tensor:
        """The distinct elements in ascending order; waits for the device."""
        return statistics.unique(self)

    def bincount(self, weights: ArrayLike | None = None, minlength: int = 0) -> Tensor:
        """How often each of 0, 1, 2 ... occurs, int32; waits for the device."""
        return statistics.bincount(self, weights, minlength)

    max = _extreme("max")
    min = _extreme("min")

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        """numpy's functions on Tensors: on their values, with a numpy result; shapes are known without reading."""
        if function in (np.shape, np.ndim) and not named and isinstance(args[0], Tensor):
            return args[0].shape if function is np.shape else args[0].ndim
        return function(*_on_host(args), **{key: _on_host(value) for key, value in named.items()})
