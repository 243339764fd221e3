"""Dropout."""

from __future__ import annotations

import numpy as np

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty, full

_DROPOUT = Kernel("dropout", over="")
_GRAD = Kernel("dropout-grad", over="")


def dropout(x: Tensor, drop: float) -> Tensor:
    """0 with probability `drop`, else x / (1 - drop).

    The gradient makes the mask again from the 16 bytes of key and counter.
    """
    scale = 0.0 if drop == 1.0 else 1.0 / (1.0 - drop)
    engine = x.engine
    y, ticket = empty(x.shape, on=engine), empty((4,), np.uint32, engine)
    sizes = dict(n=x.count, drop=drop, scale=scale, items=-(-x.count // 4))
    _DROPOUT(x=x, control=None, ticket=ticket, y=y, **sizes)

    def backward(g: Tensor) -> Tensor:
        gx = empty(g.shape, on=engine)
        _GRAD(gy=g, ticket=ticket, gx=gx, **sizes)
        return gx

    record("dropout", (x,), (y,), backward, saved=())
    return y


def channel_mask(x: Tensor, shape: tuple[int, ...], drop: float) -> Tensor:
    """0 with probability `drop`, else 1 / (1 - drop), on x's device."""
    return dropout(full(shape, 1.0, on=x.engine), drop)
