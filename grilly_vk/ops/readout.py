"""Turning spikes into numbers: counts, rates, first spikes and linear read-outs."""

from __future__ import annotations

import numpy as np

from .. import arguments
from ..tensor import Tensor, empty, full
from .linear import matmul
from .over_time import over_time


def spike_count(spikes: Tensor) -> tuple[Tensor, Tensor]:
    """Counts the steps where a value lies above 0.

    Args:
        spikes: (T, ...), T at least 1.

    Returns:
        Counts (...) and rates (...), counts / T.
    """
    _steps(spikes, 1)
    count, rate = empty(spikes.shape[1:]), empty(spikes.shape[1:])
    over_time(
        "snn-spike-count",
        len(spikes),
        count.size,
        (("RATE", 1),),
        sliced={"s": spikes},
        whole={"total": count, "rate": rate},
        all_steps=len(spikes),
    )
    return count, rate


def first_spike(spikes: Tensor) -> Tensor:
    """The first step where a value lies above 0, int32, -1 where there is none: (T, ...) to (...); T may be 0."""
    _steps(spikes, 0)
    if not len(spikes):
        return full(spikes.shape[1:], -1, np.int32)
    first = empty(spikes.shape[1:], np.int32)
    over_time("snn-first-spike", len(spikes), first.size, sliced={"s": spikes}, whole={"first": first})
    return first


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

    Source: document "Spiking Neural Networks" of Edifice (rate read-out).
    """
    _steps(spikes, 1)
    arguments.shape("weight", weight.shape, ("out", "n"))
    arguments.shape("spikes", spikes.shape, ("...", weight.shape[1]))
    pooled = empty(spikes.shape[1:])
    over_time(
        "snn-readout",
        len(spikes),
        pooled.size,
        sliced={"s": spikes},
        whole={"y": pooled},
        decay=decay,
        scale=1.0 / len(spikes) if decay == 1.0 else 1.0,
    )
    return matmul(pooled, weight, bias)


def _steps(spikes: Tensor, least: int) -> None:
    if spikes.ndim < 1 + least:
        raise ValueError(f"spikes has shape {spikes.shape}; expected (T, ...{', n' * least})")
    if len(spikes) < least:
        raise ValueError(f"spikes has shape {spikes.shape}: no time steps; expected at least {least}")
