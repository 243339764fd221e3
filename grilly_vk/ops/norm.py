"""Layer and RMS normalisation, fused forward and back; batch norm is in batch_norm.py."""

from __future__ import annotations

import math

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .reduce import fold

_PARTS = 64  # stretches that a long sum is cut into
_LAYER = Kernel("layer-norm", over="rows", team=True)
_GRAD = Kernel("layer-norm-grad", over="rows", team=True)
_GRAD_WEIGHT = Kernel("layer-norm-grad-weight", over="parts n")


def _given(x: Tensor, *more: Tensor | None) -> list[Tensor]:
    return [x, *[t for t in more if t is not None]]


def layer(
    name: str, x: Tensor, shape: tuple[int, ...], w: Tensor | None, b: Tensor | None, eps: float, *, centre: bool
) -> Tensor:
    """x normalised over its last axes, which have the sizes `shape`; `centre`: the mean is taken off."""
    n = math.prod(shape)
    rows = x.count // n if n else 0
    engine = x.engine
    y, kept = empty(x.shape, on=engine), empty((2, rows), on=engine)
    sizes = dict(rows=rows, n=n, work=x.count, CENTRE=int(centre))
    _LAYER(x=x, weight=w, bias=b, y=y, kept=kept, eps=eps, WEIGHT=w is not None, BIAS=b is not None, **sizes)

    def backward(g: Tensor) -> list[Tensor | None]:
        gx = gw = gb = None
        if x.requires_grad:
            gx = empty(x.shape, on=engine)
            _GRAD(x=x, weight=w, kept=kept, gy=g, gx=gx, WEIGHT=w is not None, **sizes)
        if (w is not None and w.requires_grad) or (b is not None and b.requires_grad):
            parts = sorted((1, rows // 32, _PARTS))[1]
            pw, pb = empty((parts, n), on=engine), empty((parts, n), on=engine)
            _GRAD_WEIGHT(x=x, kept=kept, gy=g, gw=pw, gb=pb, parts=parts, **sizes)
            gw = fold(pw, 0)._alias(shape) if w is not None and w.requires_grad else None
            gb = fold(pb, 0)._alias(shape) if b is not None and b.requires_grad else None
        return [gx] + [gw] * (w is not None) + [gb] * (b is not None)

    record(name, _given(x, w, b), (y,), backward, saved=_given(x, w))
    return y
