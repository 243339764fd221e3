"""Softmax and its logarithm."""

from __future__ import annotations

from ..ops import softmax as ops
from ..ops.elementwise import as_tensor
from ..ops.layout import axis_index
from ..tensor import Tensor
from ..typing import ArrayLike

__all__ = ["log_softmax", "softmax"]


def softmax(x: ArrayLike, dim: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along axis `dim`, shifted by the maximum so that nothing overflows.

    Args:
        x: any shape.
        dim: the axis (default the last).

    Raises:
        TypeError, ValueError: no such axis.
    """
    t = as_tensor("x", x)
    return ops.softmax(t, axis_index("dim", dim, t.ndim or 1))


def log_softmax(x: ArrayLike, dim: int = -1) -> Tensor:
    """x - log(sum(exp(x))) along axis `dim`, exact where softmax itself would underflow; arguments as in `softmax`."""
    t = as_tensor("x", x)
    return ops.log_softmax(t, axis_index("dim", dim, t.ndim or 1))
