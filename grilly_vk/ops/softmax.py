"""Softmax and log-softmax over any axis, with gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .elementwise import as_tensor, cast
from .layout import axis_index

_SOFTMAX = Kernel("softmax", over="rows", team=True)
_GRAD = Kernel("softmax-grad", over="rows", team=True)


def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis, shifted by the maximum so that nothing overflows.

    A row with NaN or +Inf, or of nothing but -Inf, becomes NaN.

    Raises:
        TypeError, ValueError: no such axis.
    """
    return _softmax("softmax", 0, x, axis)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """x - log(sum(exp(x))) along an axis, exact where softmax itself would underflow.

    Raises:
        TypeError, ValueError: no such axis.
    """
    return _softmax("log_softmax", 1, x, axis)


def _softmax(name: str, log: int, x: Any, axis: int) -> Tensor:
    x = cast(as_tensor("x", x), np.float32)
    whole = x.shape or (1,)  # a number is a row of one, as in PyTorch
    a = axis_index("axis", axis, len(whole))
    n, inner = whole[a], math.prod(whole[a + 1 :])
    engine = x.engine
    y = empty(x.shape, on=engine)
    rows = x.count // n if n else 0
    sizes = dict(rows=rows, n=n, inner=inner, work=x.count, LOG=log)
    _SOFTMAX(x=x, y=y, **sizes)
    result = y._alias()

    def backward(g: Tensor) -> Tensor:
        gx = empty(g.shape, on=engine)
        _GRAD(y=result, gy=g, gx=gx, **sizes)
        return gx

    record(name, (x,), (y,), backward, saved=(y,))
    return y
