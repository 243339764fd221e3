"""Running sums."""

from __future__ import annotations

from ..ops import scan as ops
from ..ops.elementwise import as_tensor
from ..ops.layout import axis_index
from ..tensor import Tensor
from ..typing import ArrayLike

__all__ = ["cumsum"]


def cumsum(x: ArrayLike, dim: int) -> Tensor:
    """The sum of the elements up to each one, along an axis.

    Args:
        x: any shape; int32 stays int32, and bool counts.
        dim: the axis.

    Returns:
        x's shape; float32 has a gradient.

    Raises:
        TypeError, ValueError: no such axis.
    """
    t = as_tensor("x", x)
    return ops.cumsum(t, axis_index("dim", dim, t.ndim or 1))
