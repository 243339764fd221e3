"""Random whole numbers, permutations, and normal numbers of given means; all follow `grilly_vk.manual_seed`."""

from __future__ import annotations

from typing import Any

from . import arguments
from .control import check_device
from .creation import _shape, rand, randn
from .ops.elementwise import as_tensor, cast
from .ops.layout import broadcast_shape
from .ops.sort import argsort
from .tensor import INT32, Tensor, dtype_of
from .typing import ArrayLike, DeviceLike, DTypeLike


def randint(
    low: int, high: ArrayLike | None = None, size: Any = None, *, dtype: DTypeLike = INT32, device: DeviceLike = None
) -> Tensor:
    """Whole numbers in [low, high), all equally likely: ``randint(10, (2, 3))`` or ``randint(5, 10, (2, 3))``.

    Raises:
        TypeError, ValueError: no whole numbers, nothing between them, or more than 2**24 to choose from.
    """
    check_device(device)
    if size is None:
        low, high, size = 0, low, high
    if size is None:
        raise TypeError("randint needs a size, such as randint(10, (2, 3))")
    first, last = arguments.whole("low", low), arguments.whole("high", high)
    if not 0 < last - first <= 1 << 24:
        raise ValueError(f"high must be above low by 1 to 2**24, got low {low} and high {high}")
    numbers = (rand(size) * (last - first)).floor()
    return cast(cast(numbers, INT32) + first, dtype_of(dtype))


def randperm(n: int, *, device: DeviceLike = None) -> Tensor:
    """The numbers 0 to n - 1 in random order, int32.

    Raises:
        TypeError, ValueError: no whole number of at least 0.
    """
    check_device(device)
    return argsort(rand(arguments.size("n", n, 0)))


def normal(mean: ArrayLike = 0.0, std: ArrayLike = 1.0, size: Any = None, *, device: DeviceLike = None) -> Tensor:
    """Normal numbers of given means and standard deviations: numbers, or arrays that broadcast; then no size is needed.

    Raises:
        TypeError, ValueError: no real numbers, a negative number for std, or shapes that don't broadcast.
    """
    check_device(device)
    if isinstance(std, (int, float)):
        arguments.non_negative("std", std)
    middle, wide = as_tensor("mean", mean), as_tensor("std", std)
    shape = broadcast_shape(middle.shape, wide.shape) if size is None else _shape((size,))
    return randn(shape) * wide + middle
