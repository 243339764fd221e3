"""The synapses of one projection: what is known of them on the host, before the device draws them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..values import numbers_of
from .connectors import ANY, DISTINCT, SAME, Rows
from .distributions import Distribution

ALIKE, GIVEN = 0, 4  # kinds of numbers: one for all synapses, one for each; the others are distributions'
TARGETS, PACKED, FULL = 0, 1, 2  # how synapses are kept, see sim-table.glsl
PLASTIC = 3  # as FULL, the weight float32 in place of units
WORDS = (0.5, 1, 2, 2)  # of a synapse, by format
PACKED_DELAY, PACKED_WEIGHT, PACKED_TARGETS = 63, (1 << 14) - 1, 2048  # the largest, the largest, and how many
LONGEST = 65535  # steps


@dataclass(frozen=True)
class SynapseNumbers:
    """Weights or delays of a projection: one number, a distribution, or one for each synapse."""

    kind: int
    a: float
    b: float
    low: float  # none is below, as float32
    high: float
    each: np.ndarray | None = None  # float64, by the synapse's number

    @property
    def largest(self) -> float:
        """None is larger in size."""
        return max(abs(self.low), abs(self.high))


def numbers(name: str, value: Any, arranged: Callable[[np.ndarray], np.ndarray]) -> SynapseNumbers:
    """Weights or delays as the caller gave them.

    Args:
        arranged: puts an array with one number for each synapse into the order of these.

    Raises:
        TypeError, ValueError: no real finite numbers, or of another shape than the connector takes.
    """
    if isinstance(value, Distribution):
        low, high = (float(np.float32(x)) for x in value.bounds())
        return SynapseNumbers(value.kind, *value.numbers, low, high)
    if arguments.is_array(value) or isinstance(value, (list, tuple)):
        given = numbers_of(name, value).astype(np.float64)
        if given.ndim:
            if not (np.abs(given) < 3e38).all():
                raise ValueError(f"{name} must be finite and fit float32, got an array that holds other numbers")
            each = arranged(given)
            low, high = (float(each.min()), float(each.max())) if each.size else (0.0, 0.0)
            return SynapseNumbers(GIVEN, 0.0, 0.0, low, high, each)
        value = float(given)
    one = float(np.float32(arguments.real(name, value)))
    return SynapseNumbers(ALIKE, one, 0.0, one, one)


def delays(name: str, value: Any, arranged: Callable[[np.ndarray], np.ndarray]) -> SynapseNumbers:
    """Delays in steps; arrays are rounded.

    Raises:
        TypeError, ValueError: as `numbers`; delays that are or could be less than one step, or more than 65,535.
    """
    found = numbers(name, value, arranged)
    if found.each is not None and not found.each.size:
        return replace(found, low=1.0, high=1.0)
    low, high = math.floor(found.low + 0.5), math.floor(found.high + 0.5)
    if low < 1 or high > LONGEST:
        what = f"{value!r} can give {low} to {high}; it takes low= and high=" if found.b else f"got {shown(value)}"
        raise ValueError(f"{name} must be at least 1 step and at most {LONGEST}: {what}")
    if found.kind == ALIKE and found.a != low:
        raise ValueError(f"{name} must be a whole number of steps, got {shown(value)}")
    if found.each is None:
        return found
    return replace(found, low=low, high=high, each=np.floor(found.each + 0.5))


@dataclass(frozen=True)
class Synapses:
    """A projection.

    Args:
        pre_first, pre: the first source's global number, and how many.
        post_first, post: the first target's number in the group, and how many.
        offset: source i is the same neuron as target i + offset; None if no source is a target.
        receptor: of the group's model.
        rows: what is connected.
        weight, delay: in the receptor's unit, and in steps.
        packed: whether a synapse with a weight or delay of its own takes 4 bytes, not 8.
        seed: of random choices.
        plastic: whether weights change.
        limit: no weight ever is larger in size; default none is larger than now.
    """

    pre_first: int
    pre: int
    post_first: int
    post: int
    offset: int | None
    receptor: int
    rows: Rows
    weight: SynapseNumbers
    delay: SynapseNumbers
    packed: bool
    seed: int
    plastic: bool = False
    limit: float | None = None

    @property
    def largest(self) -> float:
        """No weight is larger in size."""
        return self.weight.largest if self.limit is None else self.limit

    @property
    def format(self) -> int:
        """How they are kept."""
        if self.plastic:
            return PLASTIC
        if self.weight.kind == ALIKE and self.delay.kind == ALIKE:
            return TARGETS
        return PACKED if self.packed else FULL

    @property
    def total(self) -> int:
        """How many synapses."""
        return self.rows.total

    @property
    def shortest(self) -> int:
        """No delay is shorter, steps."""
        return math.floor(self.delay.low + 0.5)

    @property
    def longest(self) -> int:
        """No delay is longer, steps."""
        return math.floor(self.delay.high + 0.5)

    @property
    def hearing(self) -> int:
        """What the device must find out of each target: 0 nothing, 1 how many synapses it has, 2 their sizes' sum."""
        if self.limit is None:
            if self.weight.kind == GIVEN:
                return 0
            if self.weight.kind != ALIKE:
                return 2
        return int(self.rows.by_source and self.rows.choice in (ANY, DISTINCT))

    @property
    def coarse(self) -> float:
        """Units in one for sums of sizes while they are counted: a power of two with which none overflows."""
        if self.hearing != 2 or not self.weight.largest:
            return 1.0
        heard = max(1, self.rows.heard)
        return 2.0 ** math.floor(math.log2(((1 << 32) - 1 - heard) / (heard * self.weight.largest)))

    def load(self, heard: np.ndarray | None) -> np.ndarray:
        """The sum of the sizes of all weights onto each target, or a bound of it, float64 (post).

        Args:
            heard: what the device found, see `hearing`.
        """
        rows, weight = self.rows, self.weight
        if weight.each is not None and self.limit is None:
            if rows.targets is not None:
                targets = rows.targets
            else:
                targets = self._analytic()
            load: Any = np.bincount(targets, np.abs(weight.each), self.post)
        elif heard is not None:
            load = heard / self.coarse if self.hearing == 2 else heard * self.largest
        elif rows.targets is not None:
            load = np.bincount(rows.targets, minlength=self.post) * self.largest
        elif rows.by_source:
            load = np.full(self.post, min(rows.heard, rows.total) * self.largest)
        else:
            load = np.diff(rows.begin) * self.largest
        if self.format == PACKED:  # a weight is rounded to a 16,383th of the largest
            load = load + rows.heard * self.largest / PACKED_WEIGHT
        return np.asarray(load, np.float64)

    def _analytic(self) -> np.ndarray:
        """Targets of AllToAll and OneToOne, by the synapse's number."""
        sources = np.repeat(np.arange(self.pre), np.diff(self.rows.begin))
        if self.rows.choice == SAME:
            return sources
        targets = np.arange(self.total) - self.rows.begin[sources]
        if not self.rows.autapses and self.offset is not None:
            own = sources + self.offset
            targets += (own >= 0) & (targets >= own)
        return targets
