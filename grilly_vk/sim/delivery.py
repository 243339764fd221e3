"""Delivery: all synapses onto one group of neurons, and how a batch's spikes go through them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .. import arguments
from ..ranks import ALONE, Ranks
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import INT32, Tensor, from_numpy, full
from .connectors import Connector, Place
from .synapses import PACKED, PACKED_DELAY, PACKED_WEIGHT, TARGETS, Synapses, delays, numbers
from .tables import Builder, Counted, TablePart, entries

_OWNERS = Kernel("sim-deliver")
_ATOMIC = Kernel("sim-deliver-atomic")
_MOST = (1 << 31) - 1  # what a place of the ring can hold
_LEAST_UNITS = 1024  # that the largest weight of a projection comes to
_RECEPTORS = 256  # what a record has bits for
_NOWHERE = 0xFFFFFFFF
_LINE = 16  # numbers of the ring that lie in one line of a CPU's cache


class Delivery:
    """Synapses of any number of projections onto one group of neurons.

    What arrives at a neuron is a sum of whole numbers, so that its order changes no bit: in units of `scale`, a power
    of two for each receptor, with which the sum over all synapses of any neuron fits 31 bits.

    Args:
        engine: where.
        sources: neurons and other sources of spikes in the whole network, which have the numbers 0 .. sources - 1.
        size: neurons of the group.
        receptors: of each.
        ranks: those that share the group's neurons in turn: tables are of synapses onto this one's.
        lanes, slices: how the group is cut (see tables.py); default what suits the device.  One lane: sums are atomic.

    Attributes, after `finish`:
        ring: what arrives, int32 (receptors, slots, width); what arrives at step t at the group's neuron i is in slot
            t mod slots, place i.
        slots, width: of the ring; slots are a power of two, width is a multiple of four.
        scale: of each receptor, what one in the ring is worth.
        synapses: how many.
        nbytes: of the tables and the ring on the device.
    """

    ring: Tensor
    slots: int
    width: int
    scale: list[float]
    nbytes: int

    def __init__(
        self,
        engine: Engine,
        sources: int,
        size: int,
        receptors: int,
        ranks: Ranks = ALONE,
        *,
        lanes: int | None = None,
        slices: int | None = None,
    ) -> None:
        self.engine = engine
        self.sources = arguments.size("sources", sources, 0)
        self.size = arguments.size("size", size, 0)
        self.ranks = ranks
        self.receptors = arguments.size("receptors", receptors)
        if receptors > _RECEPTORS:
            raise ValueError(f"receptors must be at most {_RECEPTORS}, got {receptors}")
        self.lanes = engine.tuning.sim_lanes if lanes is None else lanes
        self.slices = engine.tuning.sim_slices if slices is None else slices
        self.projections: list[Synapses] = []
        self._parts: list[TablePart] | None = None

    @property
    def least_delay(self) -> int | None:
        """No synapse has a shorter delay, steps; None without synapses."""
        return min((p.shortest for p in self.projections if p.total), default=None)

    @property
    def synapses(self) -> int:
        """How many there are."""
        return sum(p.total for p in self.projections)

    def add(
        self,
        connector: Connector,
        pre_first: int,
        pre_size: int,
        post_first: int,
        post_size: int,
        same: bool,
        receptor: int,
        weight: Any,
        delay: Any,
        seed: int,
        *,
        offset: int = 0,
        dt: float = 1.0,
        packed: bool = False,
    ) -> int:
        """Adds a projection.

        Args:
            connector: which neurons are connected.
            pre_first, pre_size: the first source's number in the network, and how many there are.
            post_first, post_size: the first target's number in the group, and how many there are.
            same: whether sources and targets are of one population: then source i is target i + offset.
            receptor: where spikes arrive.
            weight: a number, a distribution, or an array for each synapse in the order of the connector; not looked at
                where the connector lists weights.
            delay: the same in steps.
            seed: of random choices; its lower 64 bits count.
            offset: see `same`.
            dt: a step, in the unit of the delays that the connector lists.
            packed: keeps weights of their own in 15 bits, with delays of at most 63 steps: 4 bytes a synapse, not 8.

        Returns:
            The projection's number.

        Raises:
            TypeError, ValueError: arguments that don't fit; nothing is added then.
            RuntimeError: after `finish`.
        """
        if self._parts is not None:
            raise RuntimeError("the delivery is finished: add projections before")
        if not isinstance(connector, Connector):
            raise TypeError(f"connector must be one such as FixedInDegree(100), not {type(connector).__name__}")
        pre_size, post_size = arguments.size("pre_size", pre_size, 0), arguments.size("post_size", post_size, 0)
        _inside("pre", pre_first, pre_size, self.sources)
        _inside("post", post_first, post_size, self.size)
        if not 0 <= arguments.whole("receptor", receptor) < self.receptors:
            raise ValueError(f"receptor must be at least 0 and below {self.receptors}, got {receptor}")
        seed = arguments.whole("seed", seed) & 0xFFFFFFFFFFFFFFFF
        at = Place(pre_size, post_size, arguments.whole("offset", offset) if same else None, seed)
        rows = connector.rows(at)
        listed = None if rows.delay is None else rows.delay / arguments.positive("dt", dt)
        given = Synapses(
            pre_first, pre_size, post_first, post_size, at.offset, receptor, rows,
            numbers("weight", rows.weight if rows.weight is not None else weight,
                    lambda each: each if rows.weight is not None else connector.arranged("weight", each, at)),
            delays("delay", delay if listed is None else listed,
                   lambda each: each if listed is not None else connector.arranged("delay", each, at)),
            packed, seed,
        )  # fmt: skip
        if given.format == PACKED and given.longest > PACKED_DELAY:
            raise ValueError(
                f"delay must be at most {PACKED_DELAY} steps with packed weights, got up to {given.longest}"
            )
        self.projections.append(given)
        return len(self.projections) - 1

    def finish(self, batch: int) -> None:
        """Builds the tables for batches of at most so many steps.

        Raises:
            ValueError: a batch longer than the shortest delay, weights too different in size for 31 bits.
            OutOfDeviceMemory: the device has no room.
        """
        batch = arguments.size("batch", batch)
        if self._parts is not None:
            raise RuntimeError("the delivery is finished already")
        if self.least_delay is not None and batch > self.least_delay:
            raise ValueError(f"batch must be at most {self.least_delay} steps, the shortest delay, got {batch}")
        longest = max((p.longest for p in self.projections if p.total), default=1)
        self.slots = 1 << (longest + batch - 1).bit_length()
        own = self.ranks.count(self.size)
        builder = Builder(self.engine, self.projections, own, self.lanes, self.slices, self.ranks)
        counted = builder.count()
        units = self._units(counted)
        cut = self.cut = counted.cut
        self.scale = [1 / unit for unit in units]
        self._shifts = [
            _shift(p.weight.largest * units[p.receptor]) if p.format == PACKED else 0 for p in self.projections
        ]
        self.line = -(-cut.lanes // _LINE) * _LINE
        self.spare = -(-cut.slices * cut.span // _LINE) * _LINE  # a cut has room for the whole group
        self.width = self.spare + (cut.slices * self.line if cut.lanes > 1 else 0)
        self.ring = full((self.receptors, self.slots, self.width), 0, INT32, self.engine)
        parts = list(builder.place(counted, [units[p.receptor] for p in self.projections], self._shifts))
        self._first, self._tables = self._records(parts, units)
        self._parts = parts
        tables = [self.ring, self._first, *self._tables]
        self.nbytes = sum(t.nbytes for t in tables) + sum(part.nbytes for part in parts)

    def _units(self, counted: Counted) -> list[float]:
        """How many units of the ring one is, for each receptor."""
        loads, most = np.zeros((self.receptors, self.size)), [0] * self.receptors
        for p, heard in zip(self.projections, counted.heard):
            loads[p.receptor, p.post_first : p.post_first + p.post] += p.load(heard)
            most[p.receptor] += min(p.rows.heard, p.total)
        units = []
        for load, synapses in zip(self.ranks.highest(loads.max(axis=1, initial=0.0)), most):
            room = _MOST - synapses / 2 - 1  # each weight is rounded
            power = math.floor(math.log2(room / load)) if load > 0 and room > 0 else 0
            units.append(2.0 ** min(max(power, -100), 100))
        for i, p in enumerate(self.projections):
            largest = p.weight.largest * units[p.receptor]
            if 0 < largest < _LEAST_UNITS and p.total:
                raise ValueError(
                    f"weight of projection {i}, at most {p.weight.largest:g}, is too small beside what arrives at its "
                    f"receptor in all, {loads[p.receptor].max():g}: it would be kept in {largest:.3g} units, and at "
                    f"least {_LEAST_UNITS} are needed; use a receptor of its own for it"
                )
        return units

    def _records(self, parts: list[TablePart], units: list[float]) -> tuple[Tensor, list[Tensor]]:
        """The first record of each source, and the records for each part: see sim-table.glsl.

        Sources between two edges have the same projections, whose records lie one behind the other.
        """
        projections = [(q, p) for q, p in enumerate(self.projections) if p.total]
        edges = {0, self.sources}
        for _, p in projections:
            edges |= {p.pre_first, p.pre_first + p.pre}
        first = np.full(max(1, self.sources), _NOWHERE, np.uint32)
        order: list[tuple[int, bool]] = []  # projection, whether another one follows
        for begin, end in itertools.pairwise(sorted(edges)):
            here = [q for q, p in projections if p.pre_first <= begin < p.pre_first + p.pre]
            if here:
                first[begin:end] = len(order)
                order += [(q, q != here[-1]) for q in here]
        return from_numpy(first, on=self.engine), [self._records_of(part, order, units) for part in parts]

    def _records_of(self, part: TablePart, order: list[tuple[int, bool]], units: list[float]) -> Tensor:
        records = np.zeros((max(1, len(order)), 4), np.int64)
        for record, (q, more) in zip(records, order):
            p = self.projections[q]
            alike = p.format == TARGETS
            delay, weight = (int(p.delay.a), _units(p.weight.a, units[p.receptor])) if alike else (0, 0)
            what = p.format | more << 2 | self._shifts[q] << 3 | p.receptor << 8 | delay << 16
            record[:] = part.places[q] - p.pre_first, p.pre + 1, what, weight
        return from_numpy((records & 0xFFFFFFFF).astype(np.uint32), on=self.engine)

    def deliver(self, count: Tensor, list: Tensor) -> None:
        """Issues the delivery of a batch's spikes into the ring.

        Args:
            count: uint32 (B + 2): spikes of each step, then the number of the step at which the batch begins.
            list: uint32 (B, sources): who fired in each step, in any order.
        """
        if self._parts is None:
            raise RuntimeError("the delivery is not finished: call finish(batch=...)")
        steps, total = list.shape
        if count.shape != (steps + 2,) or total != max(1, self.sources):
            raise ValueError(
                f"list must have shape (B, {self.sources}) and count (B + 2,), got {list.shape} and {count.shape}"
            )
        if not self.synapses:
            return
        cut, owners = self.cut, self.cut.lanes > 1
        kernel = _OWNERS if owners else _ATOMIC
        for part, record in zip(self._parts, self._tables):
            kernel(
                self.engine, first_record=self._first, record=record, rows=part.rows, synapse=part.synapse,
                ring=self.ring, count=count, list=list,
                n=part.slices, first=part.first, steps=steps, total=total, slots=self.slots, width=self.width,
                per=cut.per, spare=self.spare, line=self.line,
                groups=part.slices if owners else self.engine.tuning.sim_groups,
                LOCAL=cut.lanes if owners else self.engine.local, work=10 * total * steps,
            )  # fmt: skip

    def connections(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The synapses of projection i as this rank's device has them, by source, target, delay and weight.

        Returns:
            The source's number in the network, the target's in the group, both int64, the weight, float64, and the
            delay in steps, int64.
        """
        if self._parts is None:
            raise RuntimeError("the delivery is not finished: call finish(batch=...)")
        i = arguments.whole("i", i)
        if not 0 <= i < len(self.projections):
            raise ValueError(f"i must be a projection's number, 0 .. {len(self.projections) - 1}, got {i}")
        p, unit = self.projections[i], 1 / self.scale[self.projections[i].receptor]
        found = [entries(p, i, part, self.cut, self._shifts[i]) for part in self._parts]
        pre, post, weight, delay = (np.concatenate(c) for c in zip(*found))
        if p.format == TARGETS:
            weight = np.full(len(pre), _units(p.weight.a, unit))
            delay = np.full(len(pre), int(p.delay.a))
        order = np.lexsort((weight, delay, post, pre))
        return pre[order] + p.pre_first, self.ranks.numbers(post[order]), weight[order] / unit, delay[order]


def _inside(name: str, first: int, size: int, most: int) -> None:
    if arguments.whole(f"{name}_first", first) < 0 or first + size > most:
        raise ValueError(f"{name}: neurons {first} .. {first + size - 1} are not within 0 .. {most - 1}")


def _units(weight: float, unit: float) -> int:
    return math.floor(weight * unit + 0.5)


def _shift(largest: float) -> int:
    """Bits by which weights up to so many units must be kept shorter, for 15 of them."""
    shift = 0
    while largest / 2.0**shift > PACKED_WEIGHT:
        shift += 1
    return shift
