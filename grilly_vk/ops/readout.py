"""Turning spikes into numbers: counts, rates, first spikes and linear read-outs."""

from __future__ import annotations

import numpy as np

from .. import arguments
from ..autograd import record
from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, Tensor, empty, full
from .elementwise import cast
from .linear import matmul

_COUNT = Kernel("snn-spike-count", cut="s", first="start")
_FIRST = Kernel("snn-first-spike", cut="s", first="start")
_FIRST_GRAD = Kernel("snn-first-spike-grad", cut="gs", first="start")
_POOL = Kernel("snn-readout", cut="s", first="start")


def spike_count(spikes: Tensor) -> tuple[Tensor, Tensor]:
    """Counts the steps where a value lies above 0.

    Args:
        spikes: (T, ...), T at least 1.

    Returns:
        Counts (...) and rates (...), counts / T.
    """
    _steps(spikes, 1)
    count, rate = (empty(spikes.shape[1:], on=spikes.engine) for _ in range(2))
    _COUNT(s=spikes, total=count, rate=rate, n=count.count, steps=len(spikes), all_steps=len(spikes), RATE=1)
    return count, rate


def first_spike(spikes: Tensor, never: int = -1) -> Tensor:
    """The first step where a value lies above 0, int32, `never` where there is none: (T, ...) to (...); T may be 0.

    `never` is -1, or T - 1 or more.
    """
    _steps(spikes, 0)
    if not len(spikes):
        return full(spikes.shape[1:], never, np.int32, spikes.engine)
    first = empty(spikes.shape[1:], np.int32, spikes.engine)
    _FIRST(s=spikes, first=first, n=first.count, steps=len(spikes), never=never & 0xFFFFFFFF)
    return first


def spike_time(spikes: Tensor) -> Tensor:
    """The step of the first spike as a number, T - 1 where there is none, with the gradient of a sign estimator.

    The true derivative is zero or does not exist.  Backward takes dt/ds = -1 at the step of the first spike, or at
    the last step where there is none, and 0 at all others: more drive, an earlier spike.

    Args:
        spikes: (T, ...), T at least 1; a spike is a value above 0.

    Returns:
        float32 (...).

    Source: Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proceedings of
    the IEEE 111 (2023), and its library's ce_temporal_loss.
    """
    _steps(spikes, 0)
    steps, engine = len(spikes), spikes.engine
    if not steps:
        raise ValueError(f"spikes has shape {spikes.shape}: no time steps; expected at least 1")
    first = first_spike(spikes, steps - 1)
    time = cast(first, FLOAT32)

    def backward(g: Tensor) -> Tensor:
        gs = empty((steps, *first.shape), on=engine)
        _FIRST_GRAD(first=first, g=g, gs=gs, n=first.count, steps=steps)
        return gs

    record("spike_time", (spikes,), (time,), backward, ())
    return time


def readout(spikes: Tensor, weight: Tensor, bias: Tensor | None = None, *, decay: float = 1.0) -> Tensor:
    """A linear read-out of spikes over time.

    decay 1: weight @ mean over time + bias.  decay below 1: weight @ sum_t decay^(T-1-t) * s_t + bias, the last
    potential of integrators V = decay * V + weight @ s that never fire, plus the bias.

    Args:
        spikes: (T, ..., n), T at least 1.
        weight: (out, n).
        bias: (out,), or None for none.
        decay: in [0, 1].

    Returns:
        (..., out).

    Raises:
        ValueError: shapes that don't fit; the message names the argument.

    Source: Edifice.Neuromorphic.SNN (rate read-out).
    """
    _steps(spikes, 1)
    arguments.shape("weight", weight.shape, ("out", "n"))
    arguments.shape("spikes", spikes.shape, ("...", weight.shape[1]))
    pooled = empty(spikes.shape[1:], on=spikes.engine)
    scale = 1.0 / len(spikes) if decay == 1.0 else 1.0
    _POOL(s=spikes, y=pooled, n=pooled.count, steps=len(spikes), decay=decay, scale=scale)
    return matmul(pooled, weight, bias)


def _steps(spikes: Tensor, least: int) -> None:
    if spikes.ndim < 1 + least:
        raise ValueError(f"spikes has shape {spikes.shape}; expected (T, ...{', n' * least})")
    if len(spikes) < least:
        raise ValueError(f"spikes has shape {spikes.shape}: no time steps; expected at least {least}")
