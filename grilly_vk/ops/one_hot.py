"""Classes as rows of two numbers."""

from __future__ import annotations

from ..tensor import Tensor, empty


def one_hot(target: Tensor, classes: int, on: float = 1.0, off: float = 0.0) -> Tensor:
    """`on` at each int32 target's class, else `off`: (..., classes) float32; NaN where the target is no class."""
    y = empty((*target.shape, classes), on=target.engine)
    target.engine.launch("one-hot", y.count, target=target, y=y, rows=target.count, n=classes, on=on, off=off)
    return y
