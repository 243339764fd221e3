"""What encoders are given, as tensors: values from the host within a range, or an error that names them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..tensor import Tensor


def within(name: str, value: Any, low: float, high: float, clip: bool = False) -> Tensor:
    """A float32 tensor; with finite numbers of the host in [low, high], unless they are to be clipped.

    Raises:
        TypeError: no real numbers, or a tensor that is not float32.
        ValueError: NaN, infinity, or a number outside the range.
    """
    if not isinstance(value, Tensor):
        value = arguments.numbers_of(name, value)
        if value.size and not clip and not (low <= value.min() > -math.inf and math.inf > value.max() <= high):
            raise ValueError(f"{name} must {_range(low, high)}, got {_found(value)}")
    return arguments.tensor(name, value)


def _range(low: float, high: float) -> str:
    if high < math.inf:
        return f"lie in [{low:g}, {high:g}]"
    return "hold finite numbers" if low == -math.inf else f"be finite and at least {low:g}"


def _found(given: np.ndarray) -> str:
    nans = int(np.isnan(given).sum()) if given.dtype.kind == "f" else 0
    if nans:
        return f"{nans} NaN"
    return f"{given.min():.8g}" if given.size == 1 else f"values from {given.min():.8g} to {given.max():.8g}"
