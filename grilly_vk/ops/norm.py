"""Layer and RMS normalisation, fused forward and back; batch norm is in batch_norm.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..tensor import Tensor, empty
from .elementwise import as_tensor, cast
from .layout import width_of
from .reduce import fold
from .rows import team

_PARTS = 64  # stretches that a long sum is cut into
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
    x: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
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


def rms_norm(x: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None) -> Tensor:
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
    spec, items = team(x, rows, n)
    wide = width_of(n, x, w, b)
    specs = (spec, ("CENTRE", centre), ("WEIGHT", int(w is not None)))
    engine.launch(
        "layer-norm.vec4" if wide == 4 else "layer-norm", items, (*specs, ("BIAS", int(b is not None))),
        work=x.count, x=x, weight=w, bias=b, y=y, kept=kept, rows=rows, n=n // wide, eps=eps,
    )  # fmt: skip

    def backward(g: Tensor) -> list[Tensor | None]:
        gx = gw = gb = None
        if x.requires_grad:
            step = width_of(n, g, x, w)
            gx = empty(x.shape, on=engine)
            engine.launch(
                "layer-norm-grad.vec4" if step == 4 else "layer-norm-grad", items, specs,
                work=x.count, x=x, weight=w, kept=kept, gy=g, gx=gx, rows=rows, n=n // step,
            )  # fmt: skip
        if (w is not None and w.requires_grad) or (b is not None and b.requires_grad):
            parts = sorted((1, rows // 32, _PARTS))[1]
            pw, pb = empty((parts, n), on=engine), empty((parts, n), on=engine)
            engine.launch(
                "layer-norm-grad-weight", parts * n, (("CENTRE", centre),),
                work=x.count, x=x, kept=kept, gy=g, gw=pw, gb=pb, rows=rows, n=n, parts=parts,
            )  # fmt: skip
            gw = fold(pw, 0)._alias(shape) if w is not None and w.requires_grad else None
            gb = fold(pb, 0)._alias(shape) if b is not None and b.requires_grad else None
        return [gx] + [gw] * (w is not None) + [gb] * (b is not None)

    record(name, _given(x, w, b), (y,), backward, saved=_given(x, w))
    return y
