"""Norms of each sample by itself: over groups of channels, or each channel alone."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..autograd import no_grad
from ..tensor import FLOAT32, Tensor, full
from ..typing import ArrayLike
from .batch_norm import batch_norm
from .elementwise import as_tensor, cast
from .exchange import assign_all
from .norm import layer_norm
from .reductions import reduce_mean
from .shape import broadcast_to, reshape


def group_norm(
    x: ArrayLike, num_groups: int, weight: ArrayLike | None = None, bias: ArrayLike | None = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, with mean and biased variance of each sample's groups of channels.

    Args:
        x: (N, C, ...).
        num_groups: the channels are cut into so many groups, of neighbours.
        weight, bias: (C,), or None for ones and zeros.
        eps: keeps constant groups finite.

    Raises:
        ValueError: shapes that don't fit, channels that num_groups does not divide, or a negative eps.

    Source: Wu & He, "Group normalization", ECCV 2018.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    groups = arguments.size("num_groups", num_groups)
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}; expected (N, C, ...)")
    n, c = x.shape[:2]
    if c % groups:
        raise ValueError(f"num_groups={groups} does not divide the {c} channels of x, which has shape {x.shape}")
    w, b = arguments.optional("weight", weight, (c,)), arguments.optional("bias", bias, (c,))
    own = x.count // max(1, n * groups)
    y = reshape(layer_norm(reshape(x, (n, groups, own)), own, eps=eps), x.shape)
    if w is None and b is None:
        return y
    zero, one = full((c,), 0.0, on=x.engine), full((c,), 1.0, on=x.engine)
    return batch_norm(y, zero, one, w, b, eps=0.0)  # times weight, plus bias


def instance_norm(
    x: ArrayLike,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, with mean and biased variance of each sample's channels.

    Args:
        x: (N, C, L, ...).
        running_mean, running_var: (C,) tensors, or None.  Those given move in place with the mean over the samples of
            means and unbiased variances, or are what is used without `use_input_stats`.
        weight, bias: (C,), or None for ones and zeros.
        use_input_stats: whether the statistics are x's own.
        momentum: share of the batch in the running statistics.
        eps: keeps constant channels finite.

    Raises:
        ValueError: shapes that don't fit, no running statistics where they are needed, or one value per channel, whose
            variance says nothing.
        RuntimeError: running statistics that are on the tape.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance normalization", arXiv:1607.08022 (2016).
    """
    x = cast(as_tensor("x", x), FLOAT32)
    if x.ndim < 3:
        raise ValueError(f"x has shape {x.shape}; expected (N, C, L, ...)")
    if not arguments.flag("use_input_stats", use_input_stats):
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    n, c = x.shape[:2]
    inner = math.prod(x.shape[2:])
    if inner == 1:
        raise ValueError(f"x has shape {x.shape}: instance norm needs more than one value per channel")

    def each(name: str, t: Any) -> Tensor | None:
        """One number for each channel of each sample."""
        t = arguments.optional(name, t, (c,))
        return None if t is None else reshape(broadcast_to(t, (n, c)), (n * c,))

    running = [t for t in (running_mean, running_var) if t is not None]
    for name, t in (("running_mean", running_mean), ("running_var", running_var)):
        if t is not None:
            if not isinstance(t, Tensor):
                raise TypeError(f"{name} must be a Tensor, not {type(t).__name__}: it is changed in place")
            t.changing()
    w, b = each("weight", weight), each("bias", bias)
    moving = []
    with no_grad():
        for name, t in (("running_mean", running_mean), ("running_var", running_var)):
            copies = each(name, t)
            moving.append(copies.copy() if copies is not None and t is not None and n == 1 else copies)
    y = batch_norm(reshape(x, (1, n * c, *x.shape[2:])), moving[0], moving[1], w, b, True, momentum, eps)
    if n and inner:
        with no_grad():
            means = [reduce_mean(reshape(m, (n, c)), 0) for m in moving if m is not None]
            assign_all(zip(running, means))
    return reshape(y, x.shape)
