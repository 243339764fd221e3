"""Classes as rows of 0 and 1."""

from __future__ import annotations

from .. import arguments
from ..ops import one_hot as ops
from ..ops.elementwise import as_tensor, cast
from ..ops.reductions import reduce_max, reduce_min
from ..tensor import FLOAT32, INT32, Tensor
from ..typing import ArrayLike

__all__ = ["one_hot"]


def one_hot(target: ArrayLike, num_classes: int = -1) -> Tensor:
    """1 at each class, 0 elsewhere: (...) -> (..., num_classes), int32.

    Args:
        target: classes, int32 Tensor or whole numbers.  Those on the host are checked; a class on the device that does
            not exist gives a row of zeros.
        num_classes: -1: one more than the largest class, for which the device is waited for.

    Raises:
        TypeError: classes that are no whole numbers. ValueError: a class below 0, or not below num_classes.
    """
    classes = as_tensor("target", target)
    if classes.dtype is FLOAT32:
        raise TypeError(f"target must hold whole numbers, not {classes.dtype}")
    classes = cast(classes, INT32)
    n = arguments.whole("num_classes", num_classes)
    if n < 1 or not isinstance(target, Tensor):
        low = int(reduce_min(classes).item()) if classes.count else 0
        high = int(reduce_max(classes).item()) if classes.count else -1
        if n == -1 and classes.count:
            n = high + 1
        if n < 1 or low < 0 or high >= n:
            raise ValueError(f"num_classes must be above all classes, which lie in {low}..{high}, got {num_classes}")
    return cast(ops.one_hot(classes, n), INT32)  # NaN, of a class that does not exist, is 0
