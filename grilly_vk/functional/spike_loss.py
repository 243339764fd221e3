"""Losses of spike trains (T, B, ..., C): by rate, count and time of the first spike, and limits for rates."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .. import arguments
from ..decode import count, population_vote
from ..errors import shown
from ..ops.elementwise import as_tensor, cast, unary, where
from ..ops.encode import time_expand
from ..ops.one_hot import one_hot
from ..ops.readout import spike_time
from ..ops.reductions import reduce_mean
from ..ops.shape import reshape
from ..settings import fixed, setting
from ..tensor import FLOAT32, INT32, Tensor, from_numpy
from ..typing import ArrayLike
from .loss import class_index, cross_entropy, mse_loss
from .loss_layers import FACTORS, layer

__all__ = [
    "ce_count_loss", "ce_rate_loss", "ce_temporal_loss", "mse_count_loss", "mse_temporal_loss", "rate_regularization",
]  # fmt: skip

INVERSES = ("negate", "reciprocal")
NORMS = ("l1", "l2")
PER = ("neuron", "sample", "mean")


def _classes_or_none(name: str, value: Any) -> int | None:
    return None if value is None else arguments.size(name, value)


_smoothing = setting(arguments.between, 0.0, 1.0)
_num_classes = fixed(_classes_or_none)


def _spikes(spikes: Any) -> Tensor:
    """A float32 run (T, B, ..., C) with steps and classes."""
    run = cast(as_tensor("spikes", spikes), FLOAT32)
    if run.ndim < 2 or not run.shape[0] or not run.shape[-1]:
        raise ValueError(f"spikes has shape {run.shape}; expected (T, ..., C) with at least one step and one class")
    return run


def _classes(targets: Any, run: Tensor, classes: int) -> Tensor:
    """Targets as int32 classes (...); those of the host are within 0..classes-1."""
    rest = run.shape[1:-1]
    if isinstance(targets, Tensor):
        t = targets
    else:
        given = arguments.numbers_of("targets", targets)
        if given.dtype.kind not in "iu" and given.size:
            raise TypeError(f"targets must hold whole numbers, the classes, not {given.dtype}")
        wrong = given[(given < 0) | (given >= classes)]
        if wrong.size:
            raise IndexError(
                f"targets holds class {wrong.reshape(-1)[0]}; there are {classes} classes, 0..{classes - 1}"
            )
        t = from_numpy(np.asarray(given, np.int32, order="C"), on=run.engine)
    if t.dtype is not INT32:
        raise TypeError(f"targets must hold int32 classes, not {t.dtype}")
    if t.shape != rest:
        raise ValueError(f"targets has shape {t.shape}; expected {rest}, one class for each sample")
    return t


def _cross_entropy(logits: Tensor, t: Tensor, weight: Any, smoothing: float) -> Tensor:
    flat = reshape(logits, (t.count, logits.shape[-1]))
    return cross_entropy(flat, t._alias((t.count,)), weight, label_smoothing=smoothing)


@layer("CERateLoss", weight=FACTORS, label_smoothing=_smoothing)
def ce_rate_loss(
    spikes: ArrayLike, targets: ArrayLike, *, weight: ArrayLike | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy with the spikes of each step as logits, averaged over steps: the target fires at every step.

    L = -1/T * sum_t mean_b log softmax(spikes[t, b])[target_b].

    Args:
        spikes: (T, B, C), or (T, ..., C).
        targets: int32 classes (B,), or (...).
        weight: a factor for each class (C,), or None; the mean is weighted then.
        label_smoothing: in [0, 1]; see `cross_entropy`.

    Returns:
        A number, with a gradient to spikes.

    Raises:
        TypeError, ValueError: shapes or kinds that don't fit.
        IndexError: a class outside 0..C-1 (in values from the host; in device tensors it gives NaN).

    Source: snnTorch's ce_rate_loss (Eshraghian et al., Proceedings of the IEEE 111 (2023)).
    """
    run = _spikes(spikes)
    t = _classes(targets, run, run.shape[-1])
    return _cross_entropy(run, time_expand(t, len(run)), weight, label_smoothing)


@layer("CECountLoss", num_classes=_num_classes, weight=FACTORS, label_smoothing=_smoothing)
def ce_count_loss(
    spikes: ArrayLike,
    targets: ArrayLike,
    num_classes: int | None = None,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy with the spike counts over all steps as logits.

    L = mean_b -log softmax(sum_t spikes[t, b])[target_b].

    Args:
        spikes: (T, B, C), or (T, ..., C).
        targets: int32 classes (B,), or (...).
        num_classes: None: each neuron is a class; else the width is num_classes * m and counts are those of
            `grilly_vk.decode.population_vote`.
        weight: a factor for each class, or None.
        label_smoothing: in [0, 1].

    Returns:
        A number, with a gradient to spikes.

    Raises:
        As `ce_rate_loss`; ValueError also for a width that is no multiple of num_classes.

    Source: snnTorch's ce_count_loss.
    """
    run = _spikes(spikes)
    counts = count(run) if num_classes is None else population_vote(run, num_classes)
    t = _classes(targets, run, counts.shape[-1])
    return _cross_entropy(counts, t, weight, label_smoothing)


@layer(
    "MSECountLoss",
    correct_rate=setting(arguments.between, 0.0, 1.0),
    incorrect_rate=setting(arguments.between, 0.0, 1.0),
    num_classes=_num_classes,
)
def mse_count_loss(
    spikes: ArrayLike,
    targets: ArrayLike,
    correct_rate: float = 1.0,
    incorrect_rate: float = 0.0,
    *,
    num_classes: int | None = None,
) -> Tensor:
    """Mean squared error of the spike counts, divided by T.

    L = mean over b and c of (count[b, c] - wanted[b, c])**2 / T, where wanted is T * correct_rate * m for the target
    class and T * incorrect_rate * m for the others, m the neurons of a class, rounded to the nearest whole number and a
    half upwards.  (snnTorch cuts the fraction off: it wants 28 spikes at a rate of 0.29 over 100 steps.)

    Args:
        spikes: (T, B, C), or (T, ..., C).
        targets: int32 classes (B,), or (...).
        correct_rate, incorrect_rate: wanted spikes per step and neuron, in [0, 1]; defaults 1 and 0.
        num_classes: None: each neuron is a class (m = 1); else as in `ce_count_loss`.

    Returns:
        A number, with a gradient to spikes.

    Raises:
        As `ce_count_loss`; ValueError also for a rate outside [0, 1].

    Source: Shrestha & Orchard, "SLAYER: spike layer error reassignment in time", NeurIPS 2018; snnTorch's
    mse_count_loss.
    """
    on = arguments.between("correct_rate", correct_rate, 0.0, 1.0)
    off = arguments.between("incorrect_rate", incorrect_rate, 0.0, 1.0)
    run = _spikes(spikes)
    counts = count(run) if num_classes is None else population_vote(run, num_classes)
    classes = counts.shape[-1]
    t = _classes(targets, run, classes)
    m = run.shape[-1] // classes
    wanted = one_hot(t, classes, arguments.nearest(len(run) * m * on), arguments.nearest(len(run) * m * off))
    return unary("scale", mse_loss(counts, wanted), 1.0 / len(run))


@layer("CETemporalLoss", inverse=setting(arguments.choice, INVERSES), weight=FACTORS, label_smoothing=_smoothing)
def ce_temporal_loss(
    spikes: ArrayLike,
    targets: ArrayLike,
    inverse: Literal["negate", "reciprocal"] = "negate",
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of inverted first-spike times: the target class should fire first.

    Logits are -t ("negate") or 1 / (t + 1) ("reciprocal"), with t the step of the first spike, T - 1 where there is
    none.  The gradient of t is a sign estimator: dt/ds = -1 at the first spike, or at the last step where there is
    none, and 0 at every other step.

    Args:
        spikes: (T, B, C), or (T, ..., C).
        targets: int32 classes (B,), or (...).
        inverse: "negate" (default) or "reciprocal".
        weight: a factor for each class (C,), or None.
        label_smoothing: in [0, 1].

    Returns:
        A number, with a gradient to spikes.

    Raises:
        As `ce_rate_loss`; ValueError also for another `inverse`.

    Source: snnTorch's ce_temporal_loss (Eshraghian et al., Proceedings of the IEEE 111 (2023)).
    """
    arguments.choice("inverse", inverse, INVERSES)
    run = _spikes(spikes)
    t = _classes(targets, run, run.shape[-1])
    time = spike_time(run)
    logits = unary("neg", time) if inverse == "negate" else 1.0 / (time + 1.0)
    return _cross_entropy(logits, t, weight, label_smoothing)


@layer(
    "MSETemporalLoss",
    on_target=fixed(arguments.whole),
    off_target=fixed(arguments.whole),
    tolerance=setting(arguments.non_negative),
)
def mse_temporal_loss(
    spikes: ArrayLike, targets: ArrayLike, on_target: int = 0, off_target: int = -1, *, tolerance: float = 0.0
) -> Tensor:
    """Mean squared error of first-spike times over T: L = mean over b and c of ((t - wanted) / T)**2.

    t and its gradient are those of `ce_temporal_loss`.

    Args:
        spikes: (T, B, C), or (T, ..., C).
        targets: int32 classes (B,), or (...).
        on_target: wanted step for the target class; negative counts from T.  Default 0, the first.
        off_target: wanted step for the others.  Default -1, the last.
        tolerance: times nearer than this to the wanted one count as equal to it; default 0.

    Returns:
        A number, with a gradient to spikes.

    Raises:
        As `ce_rate_loss`; ValueError also for a wanted step outside -T..T-1 or a negative tolerance.

    Source: snnTorch's mse_temporal_loss, where a negative time counts as 0.
    """
    near = arguments.non_negative("tolerance", tolerance)
    run = _spikes(spikes)
    steps = len(run)
    t = _classes(targets, run, run.shape[-1])
    wanted = one_hot(t, run.shape[-1], _step("on_target", on_target, steps), _step("off_target", off_target, steps))
    time = spike_time(run)
    if near:
        time = where((time.detach() - wanted).abs() < near, wanted, time)
    return unary("scale", mse_loss(time, wanted), 1.0 / steps**2)


def _step(name: str, value: Any, steps: int) -> int:
    """A step of 0..T-1, given from either end."""
    step = class_index(name, value)
    if not -steps <= step < steps:
        raise ValueError(f"{name} must lie in [{-steps}, {steps - 1}] for {steps} steps, got {value}")
    return step % steps


def band(target: Any, lower: Any, upper: Any) -> tuple[float | None, float | None]:
    """The lowest and highest rate without penalty."""
    if target is not None:
        if lower is not None or upper is not None:
            raise ValueError("target excludes lower and upper: it is both")
        both = arguments.real("target", target)
        return both, both
    if lower is None and upper is None:
        raise ValueError("rate_regularization needs target, lower or upper")
    low = None if lower is None else arguments.real("lower", lower)
    high = None if upper is None else arguments.real("upper", upper)
    if low is not None and high is not None and low > high:
        raise ValueError(f"lower must not exceed upper, got {shown(lower)} and {shown(upper)}")
    return low, high


@layer(
    "RateRegularization",
    together=band,
    target=fixed(),
    lower=fixed(),
    upper=fixed(),
    norm=setting(arguments.choice, NORMS),
    per=setting(arguments.choice, PER),
)
def rate_regularization(
    spikes: ArrayLike,
    *,
    target: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    norm: Literal["l1", "l2"] = "l2",
    per: Literal["neuron", "sample", "mean"] = "neuron",
) -> Tensor:
    """A penalty for firing rates outside a band: the mean of e ("l1") or e**2 ("l2").

    e = max(0, r - upper) + max(0, lower - r), with `target` both bounds, and r the mean of spikes over time and batch
    ("neuron"), over time ("sample"), or over everything ("mean").  Within the band, and on its edges, the gradient
    is zero.

    Args:
        spikes: (T, B, ...).
        target: the one rate that is free, spikes per step; or
        lower, upper: the band, either of them or both.
        norm: "l2" (default) or "l1".
        per: "neuron" (default), "sample" or "mean".

    Returns:
        A number, with a gradient to spikes; multiply it by a weight and add it to the loss.

    Raises:
        TypeError, ValueError: no bound, target together with another, lower above upper, or spikes without batch axis,
            steps or elements.

    Source: Zenke & Vogels, "The remarkable robustness of surrogate gradient learning", Neural Computation 33 (2021).
    """
    low, high = band(target, lower, upper)
    arguments.choice("norm", norm, NORMS)
    arguments.choice("per", per, PER)
    run = cast(as_tensor("spikes", spikes), FLOAT32)
    if run.ndim < 2 or not run.size:
        raise ValueError(f"spikes has shape {run.shape}; expected (T, B, ...) with at least one element")
    r = reduce_mean(run, {"neuron": (0, 1), "sample": (0,), "mean": None}[per])
    outside: Tensor | None = None
    for bound, sign in ((high, 1.0), (low, -1.0)):
        if bound is not None:
            part = unary("relu", unary("scale", r, sign, -sign * bound))
            outside = part if outside is None else outside + part
    assert outside is not None
    return reduce_mean(outside if norm == "l1" else outside * outside)
