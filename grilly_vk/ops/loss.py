"""Losses: cross-entropy straight from logits, and element-wise ones; each reduced and differentiated in one kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, Tensor, empty
from ..typing import Reduction
from .elementwise import _binary, unary
from .reduce import reduce

# In the order of shaders/include/losses.glsl.
ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "bce_with_logits", "binary_cross_entropy")
_PARTS = 4096  # numbers that an element-wise loss is summed into before they are reduced

_ROWS = Kernel("cross-entropy", over="rows", team=True)
_ROWS_GRAD = Kernel("cross-entropy-grad", over="x")
_ELEMENTS = Kernel("loss", over="parts")
_ELEMENTS_GRAD = Kernel("loss-grad")


def classes(
    name: str, x: Tensor, t: Tensor, w: Tensor | None, ignore: int, reduction: Reduction, smoothing: float = 0.0
) -> Tensor:
    """-x of the target class, with "cross_entropy" of logits x, with "nll_loss" of log-probabilities.

    Args:
        x: (N, C, ...) or (C,), of one class at least.
        t: int32 classes (N, ...) or (), or float32 probabilities of x's shape.
        w: a factor for each class (C,), or None.
        ignore: rows with this class count nothing.
        smoothing: the share of the target that is spread evenly over all classes.
    """
    axis = 1 if x.ndim > 1 else 0
    n, inner = x.shape[axis], math.prod(x.shape[axis + 1 :])
    rows = x.count // n
    engine = x.engine
    pairs, kept = empty((2, rows), on=engine), empty((3, rows), on=engine)
    shared = dict(
        x=x, target=t, weight=w, kept=kept, rows=rows, n=n, inner=inner, ignore=ignore, smoothing=smoothing,
        PROBABILITIES=t.dtype is FLOAT32, WEIGHT=w is not None, LOGS=int(name == "nll_loss"),
    )  # fmt: skip
    _ROWS(y=pairs, work=x.count, **shared)
    rest = x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()
    counts: Tensor | None = None
    if reduction == "none":
        y = pairs._rows(0, 1)._alias(rest)
    else:
        sums = reduce("sum", pairs, (1,), False)
        y = sums._rows(0, 1)._alias(())
        if reduction == "mean":
            counts = sums._rows(1, 2)._alias(())
            y = _binary("div", y, counts)

    def backward(g: Tensor) -> list[Tensor | None]:
        pull = g if counts is None else _binary("div", g, counts)

        def slope(of_target: int) -> Tensor:
            out = empty(x.shape, on=engine)
            _ROWS_GRAD(g=pull, gx=out, EACH=reduction == "none", OF_TARGET=of_target, **shared)
            return out

        return [slope(0) if x.requires_grad else None, slope(1) if t.requires_grad else None]

    record(name, (x, t), (y,), backward, saved=[s for s in (x, t, w) if s is not None])
    return y


def elements(
    name: str, x: Tensor, t: Tensor, reduction: Reduction, beta: float = 1.0, w: Tensor | None = None,
    more: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """One of ELEMENTWISE between x and a target t of its shape.

    Args:
        beta: of "smooth_l1_loss": where the square ends.
        w: a factor that repeats along the leading axes of x, or None.
        more: of "bce_with_logits": such a factor of the positive part.
    """
    parts = x.count if reduction == "none" else sorted((1, x.count, _PARTS))[1]
    engine = x.engine
    sums = empty(x.shape if reduction == "none" else (parts,), on=engine)
    shared = dict(
        x=x, t=t, weight=w, positive=more, n=x.count, beta=beta,
        weights=1 if w is None else w.count, positives=1 if more is None else more.count,
        OP=ELEMENTWISE.index(name), WEIGHT=w is not None, POSITIVE=more is not None,
    )  # fmt: skip
    _ELEMENTS(y=sums, parts=parts, work=x.count, **shared)
    scale = 1.0
    y = sums
    if reduction != "none":
        y = sums._alias(()) if parts == 1 else reduce("sum", sums, (0,), False)
    if reduction == "mean":
        scale = 1.0 / x.count if x.count else math.nan
        y = unary("scale", y.detach(), scale, 0.0)

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        def slope(of_target: int) -> Tensor:
            out = empty(x.shape, on=engine)
            _ELEMENTS_GRAD(g=g, gx=out, scale=scale, EACH=reduction == "none", OF_TARGET=of_target, **shared)
            return out

        return slope(0) if x.requires_grad else None, slope(1) if t.requires_grad else None

    record(name, (x, t), (y,), backward, saved=[s for s in (x, t, w, more) if s is not None])
    return y
