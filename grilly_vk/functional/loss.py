"""Losses."""

from __future__ import annotations

import math

from .. import arguments
from ..ops import loss as ops
from ..ops.elementwise import as_tensor, binary, unary, where
from ..ops.loss import (
    bce_with_logits,
    binary_cross_entropy,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from ..ops.reductions import reduce_mean, reduce_sum
from ..settings import setting
from ..tensor import Tensor
from ..typing import ArrayLike, Reduction
from .loss_layers import FACTORS, layer

binary_cross_entropy_with_logits = bce_with_logits  # PyTorch's name

__all__ = [
    "bce_with_logits", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss",
    "kl_div", "l1_loss", "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip

_OF_DIVERGENCE = ("none", "sum", "mean", "batchmean")
_smoothing = setting(arguments.between, 0.0, 1.0)
_index = setting(ops.class_index)
layer("CrossEntropyLoss", weight=FACTORS, ignore_index=_index, label_smoothing=_smoothing)(cross_entropy)
layer("NLLLoss", weight=FACTORS, ignore_index=_index)(nll_loss)
layer("MSELoss")(mse_loss)
layer("L1Loss")(l1_loss)
layer("SmoothL1Loss", beta=setting(arguments.non_negative))(smooth_l1_loss)
layer("BCEWithLogitsLoss", weight=FACTORS, pos_weight=FACTORS)(bce_with_logits)
layer("BCELoss", weight=FACTORS)(binary_cross_entropy)


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
    if reduction == "none":
        return each
    if reduction == "mean":
        return reduce_mean(each)
    total = reduce_sum(each)
    rows = logs.shape[0] if logs.ndim else 1
    return total if reduction == "sum" else unary("scale", total, 1.0 / rows if rows else math.nan)


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
    arguments.choice("reduction", reduction, ops.REDUCTIONS)
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
    if reduction == "none":
        return each
    return reduce_mean(each) if reduction == "mean" else reduce_sum(each)
