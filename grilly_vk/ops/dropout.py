"""Dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..tensor import Tensor, empty
from .elementwise import as_tensor, cast
from .layout import width_of


def dropout(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Sets each element to 0 with probability p and scales the others by 1 / (1 - p).

    The numbers follow `grilly_vk.manual_seed`: element i is kept where the top 24 bits of word i % 4 of
    Philox4x32-10 at counter (i // 4, 0, d mod 2**32, d // 2**32), d the count of random operations so far, are at
    least p * 2**24.  The gradient makes the mask again from the 16 bytes of key and counter.

    Args:
        x: any shape.
        p: probability of a zero, in [0, 1].
        training: False gives x itself.

    Raises:
        TypeError, ValueError: p is not such a number.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", JMLR 15 (2014).
    """
    drop = arguments.between("p", p, 0.0, 1.0)
    x = cast(as_tensor("x", x), np.float32)
    if not training or drop == 0.0:
        return x
    scale = 0.0 if drop == 1.0 else 1.0 / (1.0 - drop)
    engine = x.engine
    y, ticket = empty(x.shape, on=engine), empty((4,), np.uint32, engine)
    wide = width_of(x.size, x)
    kernel = "dropout.vec4" if wide == 4 else "dropout"
    fours = -(-x.size // 4)
    sizes = dict(drop=drop, scale=scale)
    engine.launch(kernel, fours, x=x, control=None, ticket=ticket, y=y, n=x.size // wide, **sizes)

    def backward(g: Tensor) -> Tensor:
        gx = empty(g.shape, on=engine)
        step = width_of(g.size, g)
        name = "dropout-grad.vec4" if step == 4 else "dropout-grad"
        engine.launch(name, fours, gy=g, ticket=ticket, gx=gx, n=g.size // step, **sizes)
        return gx

    record("dropout", (x,), (y,), backward, saved=())
    return y
