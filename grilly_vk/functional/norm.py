"""Normalisation: what it takes is checked here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..ops import batch_norm as ops
from ..ops import group_norm as groups_of
from ..ops.elementwise import as_tensor, cast
from ..ops.neu_norm import NeuNormRun
from ..ops.norm import layer
from ..tensor import FLOAT32, INT32, Tensor, overlap
from ..typing import ArrayLike

__all__ = [
    "batch_norm", "batch_norm_through_time", "group_norm", "instance_norm", "layer_norm", "neu_norm", "rms_norm",
    "temporal_effective_batch_norm",
]  # fmt: skip

_RMS_EPS = float(np.finfo(np.float32).eps)


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
    return _layer("layer_norm", x, normalized_shape, weight, bias, eps, centre=True)


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
    return _layer("rms_norm", x, normalized_shape, weight, None, _RMS_EPS if eps is None else eps, centre=False)


def batch_norm(
    x: ArrayLike,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    *,
    batches: Tensor | None = None,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel.

    With `training` the statistics are the batch's (biased variance), and the running ones, where given, move in
    place: running = (1 - momentum) * running + momentum * batch's (unbiased variance).  Otherwise the running ones
    are used.  An empty batch gives an empty result and moves nothing.

    Args:
        x: (N, C, ...).
        running_mean, running_var: (C,) tensors; may be None in training.
        weight, bias: (C,), or None for ones and zeros.
        training: use the batch's statistics.
        momentum: share of the batch in the running statistics; None: they are the mean over all batches.
        eps: keeps constant channels finite.
        batches: an int32 tensor of one element that counts the batches in training; momentum None needs it.

    Raises:
        ValueError: shapes that don't fit, running statistics in memory that is x's or each other's, no running
            statistics where they are needed, or one value per channel in training, whose variance says nothing.
        RuntimeError: running statistics that are on the tape.

    Source: Ioffe & Szegedy, "Batch normalization", ICML 2015.
    """
    return prepare(
        "batch_norm", x, running_mean, running_var, weight, bias, training, momentum, eps, batches=batches
    ).run()


def batch_norm_through_time(
    x: ArrayLike,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    *,
    batches: Tensor | None = None,
) -> Tensor:
    """Batch norm with statistics and a scale of its own for each channel in each step, all steps in one dispatch.

    Args:
        x: (T, B, C, ...).
        running_mean, running_var: (T, C) tensors; may be None in training.
        weight, bias: (T, C), or None for ones and zeros.
        batches: an int32 tensor (T,) that counts each step's batches in training; momentum None needs it.
        training, momentum, eps: as in `batch_norm`.

    Raises:
        As `batch_norm`.

    Source: Kim & Panda, "Revisiting batch normalization for training low-latency deep spiking neural networks from
    scratch", Frontiers in Neuroscience 15 (2021), which has no bias.
    """
    return prepare(
        "batch_norm_through_time", x, running_mean, running_var, weight, bias, training, momentum, eps, batches=batches
    ).run()


def temporal_effective_batch_norm(
    x: ArrayLike,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    scale: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    *,
    batches: Tensor | None = None,
) -> Tensor:
    """Batch norm over all steps as one batch, then times scale[t] in step t, bias included, in the same dispatch.

    Args:
        x: (T, B, C, ...).
        scale: (T,).
        running_mean, running_var, weight, bias: (C,), as in `batch_norm`.
        training, momentum, eps, batches: as in `batch_norm`.

    Raises:
        As `batch_norm`.

    Source: Duan, Ding, Chen, Yu & Huang, "Temporal effective batch normalization in spiking neural networks",
    NeurIPS 2022.
    """
    return prepare(
        "temporal_effective_batch_norm", x, running_mean, running_var, weight, bias, training, momentum, eps,
        scale=scale, batches=batches,
    ).run()  # fmt: skip


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
    c = x.shape[1]
    if c % groups:
        raise ValueError(f"num_groups={groups} does not divide the {c} channels of x, which has shape {x.shape}")
    w, b = arguments.optional("weight", weight, (c,), x.engine), arguments.optional("bias", bias, (c,), x.engine)
    return groups_of.group_norm(x, groups, w, b, arguments.non_negative("eps", eps))


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
    c = x.shape[1]
    if math.prod(x.shape[2:]) == 1:
        raise ValueError(f"x has shape {x.shape}: instance norm needs more than one value per channel")
    w, b = arguments.optional("weight", weight, (c,), x.engine), arguments.optional("bias", bias, (c,), x.engine)
    _running(running_mean, running_var, (c,), needed=False)
    if momentum is not None or running_mean is not None:
        arguments.real("momentum", momentum)
    return groups_of.instance_norm(x, running_mean, running_var, w, b, momentum, arguments.non_negative("eps", eps))


def neu_norm(
    x: ArrayLike, state: Tensor | float, weight: ArrayLike, k: float = 0.9, share: float | None = None
) -> tuple[Tensor, Tensor]:
    """m = k * m + share * (sum of x over the channels), y = x - weight * m, over all steps.

    Args:
        x: spikes (T, B, C, H, W).
        state: m before the first step, (B, 1, H, W), or one number.
        weight: (C, H, W), or (1, H, W) for all channels.
        k: how much of m is left after a step.
        share: weight of the channels' sum; None: (1 - k) / C, where the paper's v / F is (1 - k) / C**2.

    Returns:
        y of x's shape, and m after the last step, (B, 1, H, W).

    Raises:
        ValueError: shapes that don't fit. TypeError: no real numbers.

    Source: Wu, Deng, Li, Zhu, Xie & Shi, "Direct training for spiking neural networks: faster, larger, better",
    AAAI 2019, equations of the auxiliary neurons.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    if x.ndim != 5:
        raise ValueError(f"x has shape {x.shape}; expected (T, B, C, H, W)")
    samples, channels, high, across = x.shape[1:]
    w = arguments.tensor("weight", weight, on=x.engine)
    if w.shape != (1, high, across):
        arguments.shape("weight", w.shape, (channels, high, across))
    k = arguments.real("k", k)
    share = (1.0 - k) / max(1, channels) if share is None else arguments.real("share", share)
    given = state if isinstance(state, Tensor) else None
    if given is not None:
        arguments.tensor("state", given)
        arguments.shape("state", given.shape, (samples, 1, high, across))
    start = 0.0 if given is not None else arguments.real("state", state)
    return NeuNormRun(x, given, start, w, k, share).forward()


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


def _layer(name: str, x: Any, given: Any, weight: Any, bias: Any, eps: Any, *, centre: bool) -> Tensor:
    x = cast(as_tensor("x", x), FLOAT32)
    shape = shape_of(given)
    arguments.shape("x", x.shape, ("...", *shape))
    w, b = arguments.optional("weight", weight, shape, x.engine), arguments.optional("bias", bias, shape, x.engine)
    return layer(name, x, shape, w, b, arguments.non_negative("eps", eps), centre=centre)


def prepare(
    name: str, x: Any, running_mean: Tensor | None, running_var: Tensor | None, weight: Any, bias: Any,
    training: bool, momentum: float | None, eps: float, *, scale: Any = None, batches: Tensor | None = None,
    times: int = 1,
) -> ops.Norm:  # fmt: skip
    """Checks the arguments of a batch norm, and takes the statistics, of x `times` over: all but the normalising."""
    x = cast(as_tensor("x", x), FLOAT32)
    timed = name != "batch_norm"
    if x.ndim < 2 + timed:
        raise ValueError(f"x has shape {x.shape}; expected {'(T, B, C, ...)' if timed else '(N, C, ...)'}")
    t = x.shape[0] if timed else 1
    n, c = x.shape[timed : 2 + timed]
    shape: tuple[int, ...] = (t, c) if name == "batch_norm_through_time" else (c,)  # of what each group has one of
    layout = ops.BatchLayout(t * n, c, math.prod(x.shape[2 + timed :]), n, own=t if len(shape) == 2 else 1)
    if name == "temporal_effective_batch_norm":
        scale = arguments.tensor("scale", scale, on=x.engine)
        arguments.shape("scale", scale.shape, (t,))
    w, b = arguments.optional("weight", weight, shape, x.engine), arguments.optional("bias", bias, shape, x.engine)
    eps = arguments.non_negative("eps", eps)
    training = arguments.flag("training", training)
    _running(running_mean, running_var, shape, needed=not training)
    if momentum is not None:
        arguments.real("momentum", momentum)
    elif training and running_mean is not None and batches is None:
        raise ValueError("momentum None needs batches, the tensor that counts them")
    counters = math.prod(shape[:-1])
    if batches is not None and not isinstance(batches, Tensor):
        raise TypeError(f"batches must be a Tensor, not {type(batches).__name__}: it is changed in place")
    if batches is not None and (batches.count != counters or batches.dtype is not INT32):
        raise ValueError(f"batches must be {counters} int32, not {batches.dtype} of shape {batches.shape}")
    if training and layout.count * times == 1 and x.count:
        raise ValueError(f"{name} needs more than one value per channel when training; x has shape {x.shape}")
    changed = [t for t in (running_mean, running_var) if t is not None and training]
    if any(overlap(t, other) for i, t in enumerate(changed) for other in (x, *changed[:i])):
        raise ValueError("running_mean and running_var must have memory of their own: they are changed in place")
    return ops.prepare(name, x, layout, running_mean, running_var, w, b, scale, training, momentum, eps, batches, times)


def _running(mean: Any, var: Any, shape: tuple[int, ...], needed: bool) -> None:
    """Checks running statistics, which are changed in place."""
    for what, t in (("running_mean", mean), ("running_var", var)):
        if t is None:
            if needed:
                raise ValueError(f"{what} is None; without training=True it must be a tensor of shape {shape}")
        elif not isinstance(t, Tensor):
            raise TypeError(f"{what} must be a Tensor, not {type(t).__name__}: it is changed in place")
        else:
            arguments.shape(what, arguments.tensor(what, t).shape, shape)
    if (mean is None) != (var is None):
        raise ValueError("running_mean and running_var must both be given, or both be None")
