"""Layer and RMS normalisation, fused forward and back; batch norm is in batch_norm.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from ..typing import ArrayLike
from .elementwise import as_tensor, cast
from .reduce import fold

_PARTS = 64  # stretches that a long sum is cut into
_LAYER = Kernel("layer-norm", over="rows", team=True)
_GRAD = Kernel("layer-norm-grad", over="rows", team=True)
_GRAD_WEIGHT = Kernel("layer-norm-grad-weight", over="parts n")
_RMS_EPS = float(np.finfo(np.float32).eps)


def _given(x: Tensor, *more: Tensor | None) -> list[Tensor]:
    return [x, *[t for t in more if t is not None]]


def shape_of(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The sizes of the axes that are normalised together.

    Raises:
        TypeError, ValueError: they are no sizes, or none.
    """
    sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    shape = tuple([arguments.size("normalized_shape", s, 0) for s in sizes])
    if not shape:
        raise ValueError("normalized_shape is empty; expected at least one axis")
    return shape


def layer_norm(
    x: ArrayLike,
    normalized_shape: int | Sequence[int],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes, var being the biased variance.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: sizes of the last axes, which are normalised together.
        weight, bias: of normalized_shape, or None for ones and zeros.
        eps: keeps constant rows finite.

    Raises:
        ValueError: shapes that don't fit, or a negative eps.

    Source: Ba, Kiros & Hinton, "Layer normalization", arXiv:1607.06450 (2016).
    """
    return _layer("layer_norm", 1, x, normalized_shape, weight, bias, eps)


def rms_norm(
    x: ArrayLike, normalized_shape: int | Sequence[int], weight: ArrayLike | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x**2) + eps) * weight over the last axes.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: sizes of the last axes, which are normalised together.
        weight: of normalized_shape, or None for ones.
        eps: keeps rows of zeros finite; None means float32's epsilon, 1.19e-7.

    Raises:
        ValueError: shapes that don't fit, or a negative eps.

    Source: Zhang & Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """
    return _layer("rms_norm", 0, x, normalized_shape, weight, None, _RMS_EPS if eps is None else eps)


def _layer(name: str, centre: int, x: Any, given: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    x = cast(as_tensor("x", x), np.float32)
    shape = shape_of(given)
    arguments.shape("x", x.shape, ("...", *shape))
    w, b = arguments.optional("weight", weight, shape), arguments.optional("bias", bias, shape)
    eps = arguments.non_negative("eps", eps)
    n = math.prod(shape)
    rows = x.count // n if n else 0
    engine = x.engine
    y, kept = empty(x.shape, on=engine), empty((2, rows), on=engine)
    sizes = dict(rows=rows, n=n, work=x.count, CENTRE=centre)
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
