"""Losses: cross-entropy straight from logits, and element-wise ones; each reduced and differentiated in one kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..errors import shown
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty, from_numpy
from ..typing import ArrayLike, Reduction
from .elementwise import _binary, as_tensor, cast, unary
from .reduce import reduce
from .shape import repeated

REDUCTIONS = ("none", "mean", "sum")
# In the order of shaders/include/losses.glsl.
ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "bce_with_logits", "binary_cross_entropy")
_PARTS = 4096  # numbers that an element-wise loss is summed into before they are reduced

_ROWS = Kernel("cross-entropy", over="rows", team=True)
_ROWS_GRAD = Kernel("cross-entropy-grad", over="x")
_ELEMENTS = Kernel("loss", over="parts")
_ELEMENTS_GRAD = Kernel("loss-grad")

# ---- classes ----


def cross_entropy(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(x)) of the target class, from logits and in one pass: no probability can underflow to log(0).

    Args:
        x: logits (N, C, ...) or (C,).
        target: int32 classes (N, ...) or (); or float32 probabilities of x's shape.
        weight: a factor for each class (C,), or None.
        ignore_index: rows with this class count nothing; for classes only.
        reduction: "none", "sum" or "mean".  The mean over classes is weighted: sum of losses over sum of the targets'
            weights, NaN if there are none.  That over probabilities divides by the number of rows.
        label_smoothing: in [0, 1]: the share of the target that is spread evenly over all classes.

    Returns:
        A number, or for "none" (N, ...).

    Raises:
        ValueError: shapes that don't fit, or an option out of range.
        TypeError: a target that is neither int32 nor float32.
        IndexError: a class outside 0..C-1 (in values from the host; in device tensors such rows give NaN).

    Source: Szegedy et al., "Rethinking the Inception architecture", CVPR 2016 (label smoothing).
    """
    smoothing = arguments.between("label_smoothing", label_smoothing, 0.0, 1.0)
    return _classes("cross_entropy", x, target, weight, ignore_index, reduction, smoothing)


def nll_loss(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """-x of the target class, for log-probabilities x (see `log_softmax`).

    Args:
        x: log-probabilities (N, C, ...) or (C,).
        target: int32 classes (N, ...) or ().
        weight: a factor for each class (C,), or None.
        ignore_index: rows with this class count nothing.
        reduction: "none", "sum" or "mean", which is weighted as that of `cross_entropy`.

    Raises:
        As `cross_entropy`.
    """
    return _classes("nll_loss", x, target, weight, ignore_index, reduction, 0.0, logs=1)


def class_index(name: str, value: Any) -> int:
    """A whole number that an int32 can hold."""
    number = arguments.whole(name, value)
    if not -(1 << 31) <= number < 1 << 31:
        raise ValueError(f"{name} must fit int32, got {shown(value)}")
    return number


def _target(target: Any, x: Tensor, classes: int, ignore: int, probabilities: bool) -> Tensor:
    """The target as int32 classes or as probabilities."""
    rest = x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()
    if isinstance(target, Tensor):
        t = target
    else:
        given = arguments.read("target", target)
        if given.dtype.kind in "iu" or (not given.size and not probabilities):
            wrong = given[(given != ignore) & ((given < 0) | (given >= classes))]
            if wrong.size:
                bad = wrong.reshape(-1)[0]
                raise IndexError(f"target holds class {bad}; x has {classes} classes, 0..{classes - 1}")
            t = from_numpy(np.asarray(given, np.int32, order="C"))
        else:
            t = arguments.tensor("target", target)
    if t.dtype == np.float32 and probabilities:
        if t.shape != x.shape:
            raise ValueError(
                f"target has shape {t.shape}; expected {x.shape} for probabilities, or int32 classes of shape {rest}"
            )
    elif t.dtype != np.int32:
        more = f", or probabilities of shape {x.shape}" if probabilities else ""
        raise TypeError(f"target must hold int32 classes{more}, not {t.dtype}")
    elif t.shape != rest:
        raise ValueError(f"target has shape {t.shape}; expected {rest} for x of shape {x.shape}")
    return t


def _classes(
    name: str, x: Any, target: Any, weight: Any, ignore: int, reduction: Reduction, smoothing: float, logs: int = 0
) -> Tensor:
    x = cast(as_tensor("x", x), np.float32)
    if x.ndim == 0:
        raise ValueError("x has shape (); expected (N, C, ...) or (C,)")
    arguments.choice("reduction", reduction, REDUCTIONS)
    axis = 1 if x.ndim > 1 else 0
    n, inner = x.shape[axis], math.prod(x.shape[axis + 1 :])
    if n == 0:
        raise ValueError(f"x has shape {x.shape}; expected at least one class")
    ignore = class_index("ignore_index", ignore)
    t = _target(target, x, n, ignore, not logs)
    w = None
    if weight is not None:
        w = arguments.tensor("weight", weight)
        arguments.shape("weight", w.shape, (n,))
    rows = x.count // n
    engine = x.engine
    pairs, kept = empty((2, rows), on=engine), empty((3, rows), on=engine)
    shared = dict(
        x=x, target=t, weight=w, kept=kept, rows=rows, n=n, inner=inner, ignore=ignore, smoothing=smoothing,
        PROBABILITIES=t.dtype == np.float32, WEIGHT=w is not None, LOGS=logs,
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


# ---- elements ----


def mse_loss(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Tensor:
    """(x - target)**2.

    Args:
        x, target: of one shape.
        reduction: "none", "mean" (NaN of nothing) or "sum".

    Raises:
        ValueError: shapes that differ, or another reduction.
    """
    return _elements("mse_loss", x, target, reduction)


def l1_loss(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Tensor:
    """abs(x - target), with slope 0 where they are equal.

    Args:
        x, target: of one shape.
        reduction: "none", "mean" (NaN of nothing) or "sum".

    Raises:
        ValueError: shapes that differ, or another reduction.
    """
    return _elements("l1_loss", x, target, reduction)


def smooth_l1_loss(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean", beta: float = 1.0) -> Tensor:
    """(x - target)**2 / (2 * beta) where abs(x - target) < beta, else abs(x - target) - beta / 2; beta 0 is `l1_loss`.

    Args:
        x, target: of one shape.
        reduction: "none", "mean" (NaN of nothing) or "sum".
        beta: where the square ends; not negative, default 1.

    Raises:
        ValueError: shapes that differ, another reduction, or a negative beta.

    Source: Girshick, "Fast R-CNN", ICCV 2015.
    """
    return _elements("smooth_l1_loss", x, target, reduction, beta=arguments.non_negative("beta", beta))


def bce_with_logits(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    pos_weight: ArrayLike | None = None,
) -> Tensor:
    """-(p * t * log(s) + (1 - t) * log(1 - s)) * weight for s = sigmoid(x), without overflow or log(0).

    Args:
        x: logits.
        target: probabilities t, of x's shape.
        weight: a factor that broadcasts to x's shape, or None.
        reduction: "none", "mean" (NaN of nothing) or "sum".
        pos_weight: the factor p of the positive part; broadcasts to x's shape, or None.

    Raises:
        ValueError: shapes that don't fit, or another reduction.
    """
    return _elements("bce_with_logits", x, target, reduction, weight=weight, positive=pos_weight)


def binary_cross_entropy(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, reduction: Reduction = "mean"
) -> Tensor:
    """-(t * log(x) + (1 - t) * log(1 - x)) * weight, each logarithm at least -100, as in PyTorch.

    `bce_with_logits` takes what comes before a sigmoid, and is exact where a sigmoid would be 0 or 1.

    Args:
        x: probabilities; one outside [0, 1] gives NaN.
        target: probabilities t, of x's shape.
        weight: a factor that broadcasts to x's shape, or None.
        reduction: "none", "mean" (NaN of nothing) or "sum".

    Raises:
        ValueError: shapes that don't fit, or another reduction.
    """
    return _elements("binary_cross_entropy", x, target, reduction, weight=weight)


def _factor(name: str, value: Any, shape: tuple[int, ...]) -> Tensor | None:
    """A factor as a tensor that repeats along the leading axes of `shape`."""
    if value is None:
        return None
    t = cast(as_tensor(name, value), np.float32).detach()
    while t.ndim and t.shape[0] == 1:
        t = t._alias(t.shape[1:])
    if t.shape == shape[len(shape) - t.ndim :] and t.ndim <= len(shape):
        return t
    try:
        return repeated(t, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {t.shape}; expected one that broadcasts to x's {shape}") from None


def _elements(
    name: str, x: Any, target: Any, reduction: Reduction, *, beta: float = 1.0, weight: Any = None, positive: Any = None
) -> Tensor:
    x, t = cast(as_tensor("x", x), np.float32), cast(as_tensor("target", target), np.float32)
    arguments.choice("reduction", reduction, REDUCTIONS)
    if t.shape != x.shape:
        raise ValueError(f"target has shape {t.shape}; expected x's {x.shape}")
    w, more = _factor("weight", weight, x.shape), _factor("pos_weight", positive, x.shape)
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
