"""Losses: what they take is checked here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..ops import loss as ops
from ..ops.elementwise import as_tensor, binary, cast, unary, where
from ..ops.reductions import reduce_mean, reduce_sum
from ..ops.shape import repeated
from ..settings import setting
from ..tensor import FLOAT32, INT32, Tensor, from_numpy
from ..typing import ArrayLike, Reduction
from .loss_layers import FACTORS, REDUCTIONS, layer

__all__ = [
    "bce_with_logits", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss",
    "kl_div", "l1_loss", "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip

_OF_DIVERGENCE = ("none", "sum", "mean", "batchmean")
_smoothing = setting(arguments.between, 0.0, 1.0)


def class_index(name: str, value: Any) -> int:
    """A whole number that an int32 can hold."""
    number = arguments.whole(name, value)
    if not -(1 << 31) <= number < 1 << 31:
        raise ValueError(f"{name} must fit int32, got {shown(value)}")
    return number


_index = setting(class_index)


@layer("CrossEntropyLoss", weight=FACTORS, ignore_index=_index, label_smoothing=_smoothing)
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


@layer("NLLLoss", weight=FACTORS, ignore_index=_index)
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
    return _classes("nll_loss", x, target, weight, ignore_index, reduction)


@layer("MSELoss")
def mse_loss(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Tensor:
    """(x - target)**2.

    Args:
        x, target: of one shape.
        reduction: "none", "mean" (NaN of nothing) or "sum".

    Raises:
        ValueError: shapes that differ, or another reduction.
    """
    return _elements("mse_loss", x, target, reduction)


@layer("L1Loss")
def l1_loss(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Tensor:
    """abs(x - target), with slope 0 where they are equal.

    Args:
        x, target: of one shape.
        reduction: "none", "mean" (NaN of nothing) or "sum".

    Raises:
        ValueError: shapes that differ, or another reduction.
    """
    return _elements("l1_loss", x, target, reduction)


@layer("SmoothL1Loss", beta=setting(arguments.non_negative))
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


@layer("BCEWithLogitsLoss", weight=FACTORS, pos_weight=FACTORS)
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


binary_cross_entropy_with_logits = bce_with_logits  # PyTorch's name


@layer("BCELoss", weight=FACTORS)
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


@layer("HuberLoss", delta=setting(arguments.positive))
def huber_loss(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean", delta: float = 1.0) -> Tensor:
    """(x - target)**2 / 2 where abs(x - target) < delta, else delta * (abs(x - target) - delta / 2).

    Args:
        x, target: of one shape.
        reduction: "none", "mean" (NaN of nothing) or "sum".
        delta: where the square ends; positive, default 1.

    Raises:
        ValueError: shapes that differ, another reduction, or a delta that is not positive.

    Source: Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """
    wide = arguments.positive("delta", delta)
    return unary("scale", smooth_l1_loss(x, target, reduction, wide), wide)


@layer("KLDivLoss", reduction=setting(arguments.choice, _OF_DIVERGENCE), log_target=setting(arguments.flag))
def kl_div(x: ArrayLike, target: ArrayLike, reduction: Reduction = "mean", log_target: bool = False) -> Tensor:
    """target * (log(target) - x): the Kullback-Leibler divergence of log-probabilities from a target.

    Args:
        x: logarithms of probabilities.
        target: probabilities, or their logarithms with `log_target`; of x's shape.
        reduction: "none", "sum", "mean" over all elements, or "batchmean", the sum over the size of axis 0; both means
            of nothing are NaN.
        log_target: whether `target` holds logarithms; default False.

    Raises:
        ValueError: shapes that differ, or another reduction.
    """
    logs, t = as_tensor("x", x), as_tensor("target", target)
    arguments.choice("reduction", reduction, _OF_DIVERGENCE)
    if logs.shape != t.shape:
        raise ValueError(f"target has shape {t.shape}; expected {logs.shape}, as x has")
    if arguments.flag("log_target", log_target):
        each = binary("mul", unary("exp", t), binary("sub", t, logs))
    else:
        zero = binary("eq", t.detach(), 0.0)  # 0 * log(0) is 0
        each = binary("mul", t, binary("sub", unary("log", where(zero, 1.0, t)), logs))
        each = where(zero, binary("mul", t.detach(), logs.detach()), each)  # NaN stays NaN
    if reduction != "batchmean":
        return _reduced(each, reduction)
    rows = logs.shape[0] if logs.ndim else 1
    return unary("scale", reduce_sum(each), 1.0 / rows if rows else math.nan)


@layer(
    "PoissonNLLLoss",
    log_input=setting(arguments.flag),
    full=setting(arguments.flag),
    eps=setting(arguments.positive),
)
def poisson_nll_loss(
    x: ArrayLike,
    target: ArrayLike,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: Reduction = "mean",
) -> Tensor:
    """exp(x) - target * x: the negative log-likelihood of spike counts that are Poisson distributed.

    Args:
        x: the expected counts' logarithms, or the counts themselves without `log_input`.
        target: the counts, of x's shape.
        log_input: whether x holds logarithms; default True.  Without, the loss is x - target * log(x + eps).
        full: adds log(target!), by Stirling's formula and where target > 1, which has no gradient; default False.
        eps: keeps log(0) away; positive.
        reduction: "none", "mean" (NaN of nothing) or "sum".

    Raises:
        ValueError: shapes that differ, another reduction, or an eps that is not positive.

    Source: Paninski, "Maximum likelihood estimation of cascade point-process neural encoding models", Network:
    Computation in Neural Systems 15 (2004); the terms are those of PyTorch's poisson_nll_loss.
    """
    rate, t = as_tensor("x", x), as_tensor("target", target).detach()
    arguments.choice("reduction", reduction, REDUCTIONS)
    least = arguments.positive("eps", eps)
    if rate.shape != t.shape:
        raise ValueError(f"target has shape {t.shape}; expected {rate.shape}, as x has")
    if arguments.flag("log_input", log_input):
        each = binary("sub", unary("exp", rate), binary("mul", t, rate))
    else:
        each = binary("sub", rate, binary("mul", t, unary("log", unary("scale", rate, 1.0, least))))
    if arguments.flag("full", full):
        many = binary("gt", t, 1.0)
        n = where(many, t, 1.0)
        terms = binary("sub", binary("mul", n, unary("log", n)), n)
        stirling = binary("add", terms, unary("scale", unary("log", unary("scale", n, 2.0 * math.pi)), 0.5))
        each = binary("add", each, where(many, stirling, 0.0))
    return _reduced(each, reduction)


def _classes(
    name: str, x: Any, target: Any, weight: Any, ignore: Any, reduction: Reduction, smoothing: float = 0.0
) -> Tensor:
    x = cast(as_tensor("x", x), FLOAT32)
    if x.ndim == 0:
        raise ValueError("x has shape (); expected (N, C, ...) or (C,)")
    arguments.choice("reduction", reduction, REDUCTIONS)
    n = x.shape[1 if x.ndim > 1 else 0]
    if n == 0:
        raise ValueError(f"x has shape {x.shape}; expected at least one class")
    ignore = class_index("ignore_index", ignore)
    t = _target(target, x, n, ignore, name == "cross_entropy")
    return ops.classes(name, x, t, arguments.optional("weight", weight, (n,), x.engine), ignore, reduction, smoothing)


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
            t = from_numpy(np.asarray(given, np.int32, order="C"), on=x.engine)
        else:
            t = arguments.tensor("target", target, on=x.engine)
    if t.dtype is FLOAT32 and probabilities:
        if t.shape != x.shape:
            raise ValueError(
                f"target has shape {t.shape}; expected {x.shape} for probabilities, or int32 classes of shape {rest}"
            )
    elif t.dtype is not INT32:
        more = f", or probabilities of shape {x.shape}" if probabilities else ""
        raise TypeError(f"target must hold int32 classes{more}, not {t.dtype}")
    elif t.shape != rest:
        raise ValueError(f"target has shape {t.shape}; expected {rest} for x of shape {x.shape}")
    return t


def _elements(
    name: str, x: Any, target: Any, reduction: Reduction, *, beta: float = 1.0, weight: Any = None, positive: Any = None
) -> Tensor:
    x, t = cast(as_tensor("x", x), FLOAT32), cast(as_tensor("target", target), FLOAT32)
    arguments.choice("reduction", reduction, REDUCTIONS)
    if t.shape != x.shape:
        raise ValueError(f"target has shape {t.shape}; expected x's {x.shape}")
    w = None if weight is None else _factor("weight", weight, x.shape)
    more = None if positive is None else _factor("pos_weight", positive, x.shape)
    return ops.elements(name, x, t, reduction, beta, w, more)


def _factor(name: str, value: Any, shape: tuple[int, ...]) -> Tensor:
    """A factor as a tensor that repeats along the leading axes of `shape`."""
    t = cast(as_tensor(name, value), FLOAT32).detach()
    while t.ndim and t.shape[0] == 1:
        t = t._alias(t.shape[1:])
    if t.shape == shape[len(shape) - t.ndim :] and t.ndim <= len(shape):
        return t
    try:
        return repeated(t, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {t.shape}; expected one that broadcasts to x's {shape}") from None


def _reduced(each: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return each
    return reduce_mean(each) if reduction == "mean" else reduce_sum(each)
