"""Arguments that the kernels on flat arrays share: runs over time, and state that is broadcast over a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..tensor import Tensor, from_numpy


def over_time(name: str, values: Any, wanted: str = "(T, ...)", axes: int = 1) -> Tensor:
    """A run over time with at least that many axes; the result may share the caller's memory."""
    x = arguments.tensor(name, values, borrow=True)
    if x.ndim < axes:
        raise ValueError(f"{name} has shape {x.shape}; expected {wanted}")
    return x


def broadcast(name: str, values: Any, shape: tuple[int, ...], default: float | None = 0.0) -> np.ndarray:
    """A state array, broadcast (None: the default everywhere); contiguous, perhaps the caller's own."""
    given = arguments.array(name, default if values is None else values)
    try:
        return np.asarray(np.broadcast_to(given, shape), order="C")
    except ValueError:
        raise ValueError(f"{name} has shape {given.shape}; expected {shape}") from None


def state_of(name: str, values: Any, shape: tuple[int, ...], default: float | None = 0.0) -> Tensor:
    """`broadcast` as a tensor of its own, for kernels to change."""
    return from_numpy(broadcast(name, values, shape, default))
