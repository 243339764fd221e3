"""Pooling over the last axis or two, with gradients that every input gathers from the windows that hold it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .shape import reshape

MAXIMUM, FIXED, WITH_PAD, WITHOUT_PAD = range(4)  # as in shaders/pool.glsl

_POOL = Kernel("pool", over="planes oh ow", cut="x y index", steps="planes")
_GRAD = Kernel("pool-grad", over="planes h w", cut="g y index", steps="planes")


def pool(
    name: str, x: Tensor, kind: int, out: tuple[int, int], windows: dict[str, int], *, divisor: float = 1.0,
    adaptive: bool = False, index: bool = False, axes: int = 2,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """The pooled images, and with `index` where in the plane each maximum was.

    Args:
        x: (..., H, W), or with `axes` 1 (..., W), which is a row of height 1.
        kind: MAXIMUM, or the sum by `divisor` (FIXED), or the mean with or without the padding.
        out: (OH, OW).
        windows: k, stride, pad and gap of both axes, by the kernel's names; no matter with `adaptive`.
        adaptive: the windows divide the image.
    """
    h, w = x.shape[-2:] if axes == 2 else (1, x.shape[-1])
    planes, inputs, results = math.prod(x.shape[:-axes]), h * w, out[0] * out[1]
    y = empty((*x.shape[:-axes], *out[-axes:]), on=x.engine)
    taken = empty(y.shape, np.int32) if index else None
    push: dict[str, Any] = {"h": h, "w": w, "oh": out[0], "ow": out[1], "divisor": divisor, **windows}
    push |= {"KIND": kind, "ADAPTIVE": adaptive}
    window = -(-inputs // results) if adaptive else windows["kh"] * windows["kw"]

    _POOL(x=x, y=y, index=taken, planes=planes, work=results * window, INDEX=index, **push)
    before, engine = x.shape, x.engine

    def backward(g: Tensor, *_: Any) -> Tensor:
        gx = empty(before, on=engine)
        _GRAD(g=g, index=taken, y=gx, planes=planes, work=max(inputs, results * window), **push)
        return gx

    record(name, (x,), (y,), backward, () if taken is None else (taken,))
    return y, taken


def sum_windows(x: Tensor, window: Sequence[int], steps: Sequence[int], places: Sequence[tuple[int, int]]) -> Tensor:
    """The sums over windows along all axes, one axis after the other.

    Args:
        window, steps: size of the window and what lies between two, for each axis.
        places: for each axis, how many windows there are and how much padding before it.
    """
    for axis, (outs, before) in enumerate(places):
        if window[axis] == 1 and steps[axis] == 1:
            continue
        lead, size, tail = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        inner = math.prod(tail)
        flat = reshape(x, (math.prod(lead), size, inner))
        columns = {"kw": 1, "stride_x": 1, "pad_x": 0, "gap_x": 1}
        rows = {"kh": window[axis], "stride_y": steps[axis], "pad_y": before, "gap_y": 1}
        x = reshape(pool("sum_pool", flat, FIXED, (outs, inner), rows | columns)[0], (*lead, outs, *tail))
    return x
