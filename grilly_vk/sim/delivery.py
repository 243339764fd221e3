"""Delivery: all synapses onto one group of neurons, and how a batch's spikes go through them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import arguments
from ..ranks import ALONE, Ranks
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import INT32, UINT32, Tensor, from_numpy, full
from .connectors import Connector, Place
from .plastic import Plastic
from .plasticity import DopamineSTDP, Plasticity, bounded
from .steps import rounded
from .synapses import ALIKE, PACKED, PACKED_DELAY, PACKED_WEIGHT, TARGETS, SynapseNumbers, Synapses, delays, numbers
from .tables import Builder, TablePart, entries
from .weights import in_units, rewrite

_OWNERS = Kernel("sim-deliver")
_ATOMIC = Kernel("sim-deliver-atomic")
_MOST = (1 << 31) - 1  # what a place of the ring can hold
_LEAST_UNITS = 1024  # that the largest weight of a projection comes to
_RECEPTORS = 256  # what a record has bits for
_NOWHERE = 0xFFFFFFFF
_LEAST_LANES, _LANE_HAS = 4, 12  # lanes are halved down to the first while a lane of a row has fewer synapses
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
        lanes, slices: how the group is cut (see tables.py); default what suits the device and the synapses.  One lane:
            sums are atomic; others are a multiple of four.

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
        if lanes is not None and lanes != 1 and (lanes < 4 or lanes % 4):
            raise ValueError(f"lanes must be 1 or a multiple of four, got {lanes}")
        self.lanes = lanes
        self.slices = engine.tuning.sim_slices if slices is None else slices
        self.projections: list[Synapses] = []
        self.plastic: dict[int, Plastic] = {}  # by the projection's number
        self._rules: dict[int, tuple[Any, ...]] = {}
        self._order: dict[int, np.ndarray] = {}  # of connections, once they were asked for
        self._parts: list[TablePart] | None = None
        self._around: tuple[Tensor, Tensor] | None = None
        self._clocked = False

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
        rule: Plasticity | None = None,
        post_number: int = 0,
        givers: tuple[int, int] = (0, 0),
        weight_max: float | None = None,
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
            rule: how synapses change.
            post_number: the first target's number in the network, where there is a rule.
            givers: the first number and how many neurons release dopamine.
            weight_max: leaves room for weights up to this size.

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
        given = bounded(given, rule, weight_max)
        if given.format == PACKED and given.longest > PACKED_DELAY:
            raise ValueError(
                f"delay must be at most {PACKED_DELAY} steps with packed weights, got up to {given.longest}"
            )
        if listed is not None:
            rounded(listed, dt)  # what `delays` did as well, with a warning
        self.projections.append(given)
        number = len(self.projections) - 1
        if rule is not None:
            late = round(rule.dopamine_delay / dt) if isinstance(rule, DopamineSTDP) else 0
            self._rules[number] = (
                rule,
                self.size,
                self.lanes or self.engine.tuning.sim_lanes,
                self.slices,
                post_number,
                givers,
                late,
                dt,
                self.ranks,
            )
        return number

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
        for number, (rule, *rest) in self._rules.items():
            self.plastic[number] = Plastic(self.engine, self.projections[number], rule, *rest)
        self._fixed = [_without(p) if q in self.plastic else p for q, p in enumerate(self.projections)]
        lanes = self._lanes(self._fixed) if self.lanes is None else self.lanes
        builder = Builder(self.engine, self._fixed, own, lanes, self.slices, self.ranks)
        counted = builder.count()
        units = self._units([self.plastic[q].heard if q in self.plastic else h for q, h in enumerate(counted.heard)])
        cut = self.cut = counted.cut
        self.scale = [1 / unit for unit in units]
        self._shifts = [_shift(p.largest * units[p.receptor]) if p.format == PACKED else 0 for p in self._fixed]
        self.line = -(-cut.lanes // _LINE) * _LINE
        self.spare = -(-cut.slices * cut.span // _LINE) * _LINE  # a cut has room for the whole group
        self.width = self.spare + (cut.slices * self.line if cut.lanes > 1 else 0)
        self.ring = full((self.receptors, self.slots, self.width), 0, INT32, self.engine)
        parts = list(builder.place(counted, [units[p.receptor] for p in self.projections], self._shifts))
        self._first, self._tables = self._records(parts, units)
        self._parts = parts
        for projection in self.plastic.values():
            projection.finish(batch, max(1, self.sources), units[projection.given.receptor])
        tables = [self.ring, self._first, *self._tables]
        self.nbytes = sum(t.nbytes for t in tables) + sum(part.nbytes for part in parts)
        self.nbytes += sum(p.nbytes for p in self.plastic.values())

    def _lanes(self, projections: list[Synapses]) -> int:
        """As many as the device likes, or fewer where rows are so short that most of their places would be padding."""
        lanes, rows = self.engine.tuning.sim_lanes, self.slices * sum(p.pre for p in projections if p.total)
        while lanes > _LEAST_LANES and sum(p.total for p in projections) < _LANE_HAS * lanes * rows * self.ranks.size:
            lanes //= 2
        return lanes

    def _units(self, heard: Sequence[np.ndarray | None]) -> list[float]:
        """How many units of the ring one is, for each receptor."""
        loads, most = np.zeros((self.receptors, self.size)), [0] * self.receptors
        self._loads = [p.load(found) for p, found in zip(self.projections, heard)]
        for p, load in zip(self.projections, self._loads):
            loads[p.receptor, p.post_first : p.post_first + p.post] += load
            most[p.receptor] += min(p.rows.heard, p.total)
        units = []
        for load, synapses in zip(self.ranks.highest(loads.max(axis=1, initial=0.0)), most):
            room = _MOST - synapses / 2 - 1  # each weight is rounded
            power = math.floor(math.log2(room / load)) if load > 0 and room > 0 else 0
            units.append(2.0 ** min(max(power, -100), 100))
        for i, p in enumerate(self.projections):
            largest = p.largest * units[p.receptor]
            if 0 < largest < _LEAST_UNITS and p.total:
                raise ValueError(
                    f"weight of projection {i}, at most {p.largest:g}, is too small beside what arrives at its "
                    f"receptor in all, {loads[p.receptor].max():g}: it would be kept in {largest:.3g} units, and at "
                    f"least {_LEAST_UNITS} are needed; use a receptor of its own for it"
                )
        return units

    def _records(self, parts: list[TablePart], units: list[float]) -> tuple[Tensor, list[Tensor]]:
        """The first record of each source, and the records for each part: see sim-table.glsl.

        Sources between two edges have the same projections, whose records lie one behind the other.
        """
        projections = [(q, p) for q, p in enumerate(self._fixed) if p.total]
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
            p = self._fixed[q]
            alike = p.format == TARGETS
            delay, weight = (int(p.delay.a), _units(p.weight.a, units[p.receptor])) if alike else (0, 0)
            what = p.format | more << 2 | self._shifts[q] << 3 | p.receptor << 8 | delay << 16
            record[:] = part.places[q] - p.pre_first, p.pre + 1, what, weight
        return from_numpy((records & 0xFFFFFFFF).astype(np.uint32), on=self.engine)

    def clock(self, count: Tensor, list: Tensor) -> None:
        """Notes where the time is between batches, with an empty list of spikes; default what `deliver` took last."""
        self._note(count, list)
        self._clocked = True

    def _note(self, count: Tensor, list: Tensor) -> None:
        self._around = count, list
        for projection in self.plastic.values():
            projection.clock = count

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
        if not self._clocked:
            self._note(count, list)
        if not self.synapses:
            return
        cut, owners = self.cut, self.cut.lanes > 1
        kernel = _OWNERS if owners else _ATOMIC
        for part, record in zip(self._parts, self._tables) if any(p.total for p in self._fixed) else ():
            kernel(
                self.engine, first_record=self._first, record=record, rows=part.rows, synapse=part.synapse,
                ring=self.ring, count=count, list=list,
                n=part.slices, first=part.first, steps=steps, total=total, slots=self.slots, width=self.width,
                per=cut.per, spare=self.spare, line=self.line,
                groups=part.slices if owners else self.engine.tuning.sim_groups,
                LOCAL=cut.lanes if owners else self.engine.local, work=10 * total * steps,
            )  # fmt: skip
        for projection in self.plastic.values():
            projection.deliver(count, list, self.ring, self.slots, self.width)

    def weights(self, i: int) -> np.ndarray:
        """The weights of a projection with a rule, float32, in the order of `connections`."""
        return self.plastic[i].weights(*self._surroundings)

    def set_weights(self, i: int, values: np.ndarray) -> None:
        """Gives a projection other weights: () or in the order of `connections`, float64.

        Raises:
            ValueError: another shape, or weights that don't fit the range that was fixed at the build.
        """
        p, unit = self.projections[i], 1 / self.scale[self.projections[i].receptor]
        if values.shape not in ((), (p.total,)) or (p.format == TARGETS and values.shape):
            alike = (
                " (its synapses share their weight and delay)"
                if p.format == TARGETS
                else f" or have shape ({p.total},)"
            )
            raise ValueError(f"weights must be a number{alike}, got shape {values.shape}")
        if values.shape and self.ranks.size > 1:
            there = self.plastic[i].entries[:2] if i in self.plastic else self.connections(i)[:2]
            values = self.ranks.sorting(*there).own(values)
        load = self._load_of(i, values, unit)
        self.ranks.meet(None)  # the weights fit everywhere
        if i in self.plastic:
            self.plastic[i].set_weights(values, *self._surroundings)
        elif p.format == TARGETS:
            weight = replace(p.weight, a=float(np.float32(values)), low=float(values), high=float(values))
            self.projections[i] = self._fixed[i] = replace(p, weight=weight)
            assert self._parts is not None
            for record, fresh in zip(self._tables, self._records(self._parts, [1 / s for s in self.scale])[1]):
                record.assign(fresh)
        else:
            self.connections(i)  # finds the order
            units = in_units(p, np.broadcast_to(values, self._order[i].shape), unit, self._shifts[i])
            sorted_ = np.empty_like(units)
            sorted_[self._order[i]] = units
            assert self._parts is not None
            rewrite(p, self._parts, i, self.cut, self._read(i)[1], sorted_)
        self._loads[i] = np.maximum(self._loads[i], load)

    def _load_of(self, i: int, values: np.ndarray, unit: float) -> np.ndarray:
        """The sum of sizes onto each target with these weights.

        Raises:
            ValueError: they could overflow with those of other projections, or are beyond the synapse's limits.
        """
        p = self.projections[i]
        if i in self.plastic:
            limits = self.plastic[i].rule.bounds()
            low, high = sorted(limits) if limits else (-p.largest, p.largest)
            inside = values.astype(np.float32)
            if inside.size and (inside.min() < np.float32(low) or inside.max() > np.float32(high)):
                what = (
                    "the limits of its synapse" if limits else "what was fixed at the build; give weight_max= for more"
                )
                raise ValueError(
                    f"weights must be within {low:g} .. {high:g}, {what}, got {inside.min():g} to {inside.max():g}"
                )
            return self._loads[i]
        post = self.connections(i)[1] - p.post_first
        load = np.bincount(post, np.broadcast_to(np.abs(values), post.shape), p.post)
        others = np.zeros(self.size)
        for q, other in enumerate(self.projections):
            if other.receptor == p.receptor and q != i:
                others[other.post_first : other.post_first + other.post] += self._loads[q]
        there = others[p.post_first : p.post_first + p.post] + load
        room = (
            _MOST - sum(min(q.rows.heard, q.total) for q in self.projections if q.receptor == p.receptor) / 2 - 1
        ) / unit
        if (there > room).any():
            raise ValueError(
                f"weights would let up to {there.max():g} arrive at a neuron at once, more than {room:g}, a range that "
                f"was fixed when the network was built; give the projection weight_max="
            )
        return load

    @property
    def _surroundings(self) -> tuple[Tensor, Tensor, Tensor, int, int]:
        if self._around is None:
            self._note(full((3,), 0, UINT32, self.engine), full((1, max(1, self.sources)), 0, UINT32, self.engine))
        assert self._around is not None
        return *self._around, self.ring, self.slots, self.width

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
        if i in self.plastic:
            there = self.plastic[i].entries
            return there.pre + self.projections[i].pre_first, there.post, self.weights(i).astype(float), there.delay
        p, unit = self._fixed[i], 1 / self.scale[self._fixed[i].receptor]
        (pre, post, weight, delay, _), _ = self._read(i)
        if p.format == TARGETS:
            weight = np.full(len(pre), _units(p.weight.a, unit))
            delay = np.full(len(pre), int(p.delay.a))
        if i not in self._order:
            self._order[i] = np.lexsort((weight, delay, post, pre))
        order = self._order[i]
        return pre[order] + p.pre_first, self.ranks.numbers(post[order]), weight[order] / unit, delay[order]

    def _read(self, i: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What `entries` finds of projection i in all parts, and the places in each of them."""
        assert self._parts is not None
        found = [entries(self._fixed[i], i, part, self.cut, self._shifts[i]) for part in self._parts]
        return [np.concatenate(column) for column in zip(*found)], [part[-1] for part in found]


def _inside(name: str, first: int, size: int, most: int) -> None:
    if arguments.whole(f"{name}_first", first) < 0 or first + size > most:
        raise ValueError(f"{name}: neurons {first} .. {first + size - 1} are not within 0 .. {most - 1}")


def _without(p: Synapses) -> Synapses:
    """The projection with no synapses, where they are kept elsewhere."""
    rows = replace(p.rows, begin=np.zeros_like(p.rows.begin), targets=None, weight=None, delay=None)
    none = SynapseNumbers(ALIKE, 0.0, 0.0, 0.0, 0.0)
    return replace(p, rows=rows, weight=none, delay=replace(none, a=1.0), plastic=False, limit=None)


def _units(weight: float, unit: float) -> int:
    return math.floor(weight * unit + 0.5)


def _shift(largest: float) -> int:
    """Bits by which weights up to so many units must be kept shorter, for 15 of them."""
    shift = 0
    while largest / 2.0**shift > PACKED_WEIGHT:
        shift += 1
    return shift
