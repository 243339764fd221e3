"""Running sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, INT32, Tensor, empty
from .elementwise import as_tensor, cast
from .layout import axis_index

_LONG = 1024  # longer axes are summed in stretches

_SUMS = Kernel("cumsum", over="outer parts inner")
_SUMS_INT = Kernel("cumsum-int", over="outer parts inner")


def cumsum(x: Any, axis: int) -> Tensor:
    """Sums of the elements up to each one along an axis; int32 stays int32 and bool counts.

    Sums of whole numbers are exact; what does not fit int32 is cut to the nearest that does.

    Raises:
        TypeError, ValueError: no such axis.
    """
    x = as_tensor("x", x)
    x = cast(x, np.int32) if x.dtype == np.bool_ else x
    whole = x.shape or (1,)
    a = axis_index("axis", axis, len(whole))
    sizes = (math.prod(whole[:a]), whole[a], math.prod(whole[a + 1 :]))
    y = _scan(x, sizes, reverse=0) if x.dtype is FLOAT32 else _scan_int(x, sizes)
    record("cumsum", (x,), (y,), lambda g: _scan(g, sizes, reverse=1), saved=())
    return y


def _scan_int(x: Tensor, sizes: tuple[int, int, int], *, inside: bool = False) -> Tensor:
    """As `_scan`, in 64 bits; `inside`: of totals (2, outer, n, inner), each sum without its own element."""
    outer, n, inner = sizes
    parts = 1 if n <= _LONG else math.isqrt(n)
    shared: dict[str, Any] = dict(x=x, outer=outer, n=n, inner=inner, parts=parts, work=x.count, LONG=inside)
    start = None
    if parts > 1:
        totals = empty((2, outer, parts, inner), INT32, x.engine)
        _SUMS_INT(y=totals, start=None, TOTALS=1, **shared)
        start = _scan_int(totals, (outer, parts, inner), inside=True)
    y = empty(x.shape, INT32, x.engine)
    _SUMS_INT(y=y, start=start, START=parts > 1, EXCLUSIVE=inside, **shared)
    return y


def _scan(x: Tensor, sizes: tuple[int, int, int], *, reverse: int, exclusive: int = 0) -> Tensor:
    """Running sums along the middle of `sizes`: long axes as the sums within stretches, after those of the totals."""
    outer, n, inner = sizes
    parts = 1 if n <= _LONG else math.isqrt(n)
    shared: dict[str, Any] = dict(x=x, outer=outer, n=n, inner=inner, parts=parts, work=x.count, REVERSE=reverse)
    start = None
    if parts > 1:
        totals = empty((outer, parts, inner), x.dtype, x.engine)
        _SUMS(y=totals, start=None, TOTALS=1, **shared)
        start = _scan(totals, (outer, parts, inner), reverse=0, exclusive=1)
    y = empty(x.shape, x.dtype, x.engine)
    _SUMS(y=y, start=start, START=parts > 1, EXCLUSIVE=exclusive, **shared)
    return y
