"""Softmax and RMS norm over the last axis."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..tensor import Tensor, empty
from .layout import width_of
from .steps import spans


def softmax(x: Tensor) -> Tensor:
    """exp(x) / sum(exp(x)) over the last axis, shifted by the maximum so that nothing overflows.

    Args:
        x: (..., n).

    Returns:
        (..., n).  A row with NaN or +Inf, or of nothing but -Inf, becomes NaN, as in numpy.
    """
    return _by_row("snn-softmax", x, {})


def rmsnorm(x: Tensor, weight: Tensor | None = None, *, eps: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x**2) + eps) * weight over the last axis.

    Args:
        x: (..., n).
        weight: (n,), or None for ones.
        eps: keeps rows of zeros finite.

    Returns:
        (..., n).

    Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.
    """
    arguments.shape("x", x.shape, ("...", "n"))
    if weight is not None:
        arguments.shape("weight", weight.shape, (x.shape[-1],))
    return _by_row("snn-rmsnorm", x, {"weight": weight, "eps": eps}, (("WEIGHT", int(weight is not None)),))


def _by_row(kernel: str, x: Tensor, own: dict[str, Any], specs: tuple[tuple[str, float], ...] = ()) -> Tensor:
    arguments.shape("x", x.shape, ("...", "n"))
    y = empty(x.shape)
    if not x.count:
        return y
    width = x.shape[-1]
    rows = x.count // width
    flat, out = x.reshape((rows, width)), y.reshape((rows, width))
    wide = width_of(width, flat, *own.values())
    for start, stop in spans(x, rows, width):
        x.engine.launch(
            f"{kernel}.vec4" if wide == 4 else kernel,
            (stop - start) * x.engine.local,
            specs,
            work=(stop - start) * width,
            x=flat._rows(start, stop),
            y=out._rows(start, stop),
            rows=stop - start,
            width=width // wide,
            **own,
        )
    return y
