"""Poisson inputs: trains of their own for each neuron, drawn where they arrive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from .parts import register
from .population import Population, PopulationView

_MOST = 12  # bits of a table: 4096 events in a step


class PoissonInput:
    """Spikes at random times into each neuron of a part, as from many independent sources; nothing is stored of them.

    Every neuron hears a train of its own, and in each step the sum of its events.

    Args:
        target: the neurons.
        rate: events per second of all sources of one neuron together; a number, or one for each neuron.
        weight: of an event, in the unit of the receptor; a number, or one for each neuron.
        receptor: of the model; default its first.

    Raises:
        ValueError: a negative rate, one of more than 4000 events in a step, or a receptor that the model has not.
    """

    def __init__(self, target: PopulationView, rate: Any, weight: Any, receptor: str | None = None) -> None:
        if not isinstance(target, PopulationView):
            raise TypeError(f"target must be a Population or a part of one, not {type(target).__name__}")
        model = target.population.model
        if not model.receptors:
            raise ValueError(f"target: {model.name} has no receptor for Poisson inputs")
        receptor = model.receptors[0] if receptor is None else arguments.choice("receptor", receptor, model.receptors)
        values = {}
        for name, value in (("rate", rate), ("weight", weight)):
            array = arguments.array(name, value).astype(np.float64)
            if array.ndim and array.shape != (len(target),):
                raise ValueError(f"{name} must be a number or have shape ({len(target)},), got {array.shape}")
            if not np.isfinite(array).all() or (name == "rate" and (array < 0).any()):
                raise ValueError(
                    f"{name} must be finite{' and at least 0' if name == 'rate' else ''}, got {shown(value)}"
                )
            values[name] = np.broadcast_to(array, (len(target),)).copy()
        self.target, self.receptor = target, receptor
        self.rate, self.weight = values["rate"], values["weight"]
        register(self)

    @property
    def populations(self) -> tuple[Population, ...]:
        """The population that hears it."""
        return (self.target.population,)


def probabilities(events: float) -> np.ndarray:
    """Of 0, 1, 2... events where `events` are expected, until the rest is below 2**-40; float64.

    Raises:
        ValueError: so many that a table of 4096 does not hold them.
    """
    most = int(events + 12 * math.sqrt(events) + 16)
    if most > 1 << _MOST:
        raise ValueError(f"rate: {events:.6g} events expected in a step; at most about 3300 can be drawn")
    k = np.arange(most)
    p = np.exp(k * math.log(events) - events - np.cumsum(np.log(np.maximum(k, 1)))) if events > 0 else (k == 0) * 1.0
    used = max(1, int(np.flatnonzero(p > 2.0**-40)[-1]) + 1)
    return p[:used] / p[:used].sum()


def alias(p: np.ndarray, bits: int) -> np.ndarray:
    """Walker's table of these probabilities, as Vose builds it: uint32 (2**bits, 2), thresholds and aliases.

    A number is drawn from 32 random bits: the first `bits` choose the entry, the others, as a fraction of 2**32, are
    compared with its threshold.
    """
    size = 1 << bits
    share = np.zeros(size)
    share[: len(p)] = p * size
    threshold, other = np.full(size, 0xFFFFFFFF, np.uint64), np.arange(size, dtype=np.uint64)
    small = [i for i in range(size) if share[i] < 1]
    large = [i for i in range(size) if share[i] >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        threshold[low] = min(int(share[low] * 2.0**32), 0xFFFFFFFF)
        other[low] = high
        share[high] -= 1 - share[low]
        if share[high] < 1:
            small.append(large.pop())
    return np.stack([threshold, other], axis=1).astype(np.uint32)


class Tables:
    """Tables of all rates in a network, each once."""

    def __init__(self) -> None:
        self.known: dict[float, int] = {}
        self._probabilities: list[np.ndarray] = []

    def of(self, events: np.ndarray) -> np.ndarray:
        """Numbers of the tables for these expected events, int32; -1 for none."""
        out = np.full(events.shape, -1, np.int32)
        for value in np.unique(events[events > 0]):
            if value not in self.known:
                self._probabilities.append(probabilities(float(value)))
                self.known[float(value)] = len(self.known)
            out[events == value] = self.known[float(value)]
        return out

    def array(self) -> tuple[np.ndarray, int]:
        """All tables (tables, 2**bits, 2) and the bits."""
        longest = max((len(p) for p in self._probabilities), default=1)
        bits = max(4, (longest - 1).bit_length())
        tables = [alias(p, bits) for p in self._probabilities] or [np.zeros((1 << bits, 2), np.uint32)]
        return np.stack(tables), bits
