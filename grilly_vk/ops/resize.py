"""Images and sequences of another size, with gradients that every input gathers from what took something from it."""

from __future__ import annotations

from typing import Any

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty

NEAREST, EXACT, LINEAR, CORNERS = range(4)  # as in shaders/include/resizing.glsl

_RESIZE = Kernel("resize", over="planes oh ow", cut="x y", steps="planes")
_GRAD = Kernel("resize-grad", over="planes h w", cut="g y", steps="planes")


def resize(x: Tensor, outer: list[int], scales: list[float], kind: int) -> Tensor:
    """x (B, C, *inner) at another size of its last axis or two.

    Args:
        outer: the sizes of the result.
        scales: how many elements of x one of the result is wide, for each axis.
        kind: NEAREST, EXACT, LINEAR or CORNERS.
    """
    engine, before = x.engine, x.shape
    (h, w), (oh, ow) = ((1,) * (2 - len(outer)) + tuple(s) for s in (x.shape[2:], outer))
    tall, wide = [1.0] * (2 - len(scales)) + scales
    planes = x.shape[0] * x.shape[1]
    y = empty((*x.shape[:2], *outer), on=engine)
    push: dict[str, Any] = {"h": h, "w": w, "oh": oh, "ow": ow, "scale_y": tall, "scale_x": wide}
    push |= {"planes": planes, "work": 4 * max(h * w, oh * ow), "MODE": kind}

    _RESIZE(x=x, y=y, **push)

    def backward(g: Tensor) -> Tensor:
        gx = empty(before, on=engine)
        _GRAD(g=g, y=gx, **push)
        return gx

    record("interpolate", (x,), (y,), backward, ())
    return y
