"""Tables of synapses in device memory: how they are laid out, and how they are built.

The neurons of a group are cut into slices, and the lanes of a slice own its neurons in turn, so that synapses onto any
range of them are shared evenly.  A row has the synapses of one source in one slice, in words that the lanes take in
turn.  A table too large for one storage buffer is cut into parts, each with some of the slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import OutOfDeviceMemory
from ..ranks import Ranks
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, from_numpy, full
from .connectors import GIVEN as LISTED
from .synapses import GIVEN, PACKED, PACKED_TARGETS, PLASTIC, TARGETS, WORDS, Synapses

_CONNECT = Kernel("sim-connect", over="n")
_OWNERS, _TARGETS_ALONE, _SOURCES = range(3)  # BY of the shader
_WORD = 4  # bytes
_MOST_TARGETS = 65535  # of a slice, whose targets are counted from 1 in 16 bits


class Cut(NamedTuple):
    """How a group is cut.

    Args:
        slices: of all parts, as many in each.
        lanes: of a slice; 1 if rows are shared by whoever comes and sums are atomic.
        per: neurons of a lane.
        parts: tables.
        loads: whether each lane's words are whole loads of 16 bytes, as those of synapses that change are.
    """

    slices: int
    lanes: int
    per: int
    parts: int
    loads: bool = False

    @property
    def span(self) -> int:
        """Neurons of a slice."""
        return self.lanes * self.per

    @property
    def each(self) -> int:
        """Slices of a part."""
        return self.slices // self.parts

    @property
    def unit(self) -> int:
        """Rows are so many words or a multiple: one for each lane, or whole loads of 16 bytes."""
        return self.lanes if self.lanes > 1 and not self.loads else 4


def cut_of(size: int, packed: bool, lanes: int, slices: int, parts: int, loads: bool = False) -> Cut:
    """A cut into so many parts, with the slices that are wanted for each or as many as are needed."""
    most = min(_MOST_TARGETS // lanes, PACKED_TARGETS) if packed else _MOST_TARGETS // lanes
    useful = max(1, -(-size // (lanes * parts)))
    each = max(min(slices, useful), -(-size // (most * lanes * parts)))
    return Cut(each * parts, lanes, max(1, -(-size // (each * parts * lanes))), parts, loads)


@dataclass
class TablePart:
    """Rows of some slices in device memory.

    Args:
        first, slices: which.
        starts: of each projection, where its rows begin, in units (slices, sources + 1), uint32.
        rows: the same of all projections, one behind the other.
        places: of each projection, where its rows are in `rows`.
        synapse: the rows' words, uint32.
    """

    first: int
    slices: int
    starts: list[np.ndarray]
    rows: Tensor
    places: list[int]
    synapse: Tensor

    @property
    def nbytes(self) -> int:
        """On the device."""
        return self.rows.nbytes + self.synapse.nbytes


def most_bytes(engine: Engine) -> int:
    """What one storage buffer holds, at most."""
    return engine.info.max_tensor_bytes


class Counted(NamedTuple):
    """What counting found."""

    cut: Cut
    starts: list[list[np.ndarray]]  # by part and projection, (slices, sources + 1) int64
    heard: list[np.ndarray | None]  # by projection, (targets)


class Builder:
    """Counts, and then places, the synapses of some projections.

    Args:
        engine: where.
        projections: what is connected.
        size: neurons of the group.
        lanes, slices: see `Cut`; slices of a part that are wanted.
        ranks: those that share the group; `size` are this one's neurons.
    """

    def __init__(
        self, engine: Engine, projections: Sequence[Synapses], size: int, lanes: int, slices: int, ranks: Ranks
    ) -> None:
        self.engine, self.projections, self.size, self.lanes, self.slices = engine, projections, size, lanes, slices
        self.ranks = ranks
        self.most = most_bytes(engine)
        self._begins = [from_numpy(p.rows.begin.astype(np.uint32), on=engine) for p in projections]

    def count(self) -> Counted:
        """Counts all rows, in as many parts as are needed for each to fit a storage buffer.

        Raises:
            OutOfDeviceMemory: not even the rows of as many neurons as there are lanes fit.
        """
        parts = 1
        while True:
            packed = any(p.format == PACKED for p in self.projections)
            loads = any(p.format == PLASTIC for p in self.projections)
            cut = cut_of(self.size, packed, self.lanes, self.slices, parts, loads)
            found = self._counted(cut) if self._room(cut) else None
            if found is not None:
                return found
            if cut.per == 1 and cut.each == 1:
                raise OutOfDeviceMemory(
                    f"{sum(p.total for p in self.projections)} synapses onto {self.size} neurons have rows that don't "
                    f"fit one of the device's storage buffers of {self.most} bytes, however they are cut"
                )
            parts *= 2

    def _room(self, cut: Cut) -> bool:
        """Whether what counting takes fits, and what synapses take without any padding."""
        rows = sum(p.pre + 1 for p in self.projections) * cut.each
        cursor = max((p.pre for p in self.projections), default=0) * cut.each * cut.lanes
        words = sum(p.total * WORDS[p.format] for p in self.projections) / cut.parts
        return _WORD * max(rows, cursor, words) <= self.most

    def _counted(self, cut: Cut) -> Counted | None:
        heard: list[np.ndarray | None] = []
        starts: list[list[np.ndarray]] = [[] for _ in range(cut.parts)]
        ends = [0] * cut.parts
        for q, p in enumerate(self.projections):
            sums = full((p.post,), 0, UINT32, self.engine) if p.hearing else None
            listed = _given(self.engine, p, None)
            for part in range(cut.parts):
                cursor = full((cut.each, p.pre, cut.lanes), 0, UINT32, self.engine)
                self._launch(q, cut, part, cursor, heard=sums, given=listed, unit=p.coarse)
                start = ends[part] + row_starts(cursor.numpy(), p.format, cut)
                ends[part] = int(start[-1, -1]) if start.size else ends[part]
                starts[part].append(start)
                if _WORD * cut.unit * ends[part] > self.most:
                    return None
            heard.append(None if sums is None else sums.numpy())
        return Counted(cut, starts, heard)

    def place(self, counted: Counted, units: Sequence[float], shifts: Sequence[int]) -> Iterator[TablePart]:
        """Makes the parts.

        Args:
            units: of each projection, how many units of the ring one is.
            shifts: of each projection, by how many bits its weights are kept shorter.
        """
        cut = counted.cut
        for part, found in enumerate(counted.starts):
            starts = [start.astype(np.uint32) for start in found]
            many = int(found[-1][-1, -1]) if found and found[-1].size else 0
            rows = from_numpy(np.concatenate([np.zeros(0, np.uint32), *[s.ravel() for s in starts]]), on=self.engine)
            synapse = full((cut.unit * many,), 0, UINT32, self.engine)
            place = np.concatenate([[0], np.cumsum([s.size for s in starts])]).astype(int).tolist()
            for q, p in enumerate(self.projections):
                cursor = full((cut.each, p.pre, cut.lanes), 0, UINT32, self.engine)
                unit = units[q] / 2.0 ** shifts[q]
                start = rows._rows(place[q], place[q + 1])
                given = _given(self.engine, p, unit)
                self._launch(q, cut, part, cursor, start=start, synapse=synapse, given=given, unit=unit)
            yield TablePart(part * cut.each, cut.each, starts, rows, place[:-1], synapse)

    def _launch(self, q: int, cut: Cut, part: int, cursor: Tensor, **tensors: Any) -> None:
        p = self.projections[q]
        if not p.total:
            return
        owners = not p.rows.by_source and cut.lanes > 1
        by = _SOURCES if p.rows.by_source else _OWNERS if owners else _TARGETS_ALONE
        alone = self.ranks.count(p.post_first + p.post) - self.ranks.count(p.post_first)
        n = (cut.each * cut.lanes, alone, p.pre)[by]
        w, d = p.weight, p.delay
        _CONNECT(
            self.engine, **{"heard": None, "start": None, "synapse": None, **tensors},
            cursor=cursor, begin=self._begins[q],
            n=n, pre=p.pre, post=p.post, into=p.post_first + self.ranks.size - self.ranks.rank, itself=p.offset or 0,
            first=part * cut.each, slices=cut.each, per=cut.per, seed0=p.seed & 0xFFFFFFFF, seed1=p.seed >> 32,
            w0=w.a, w1=w.b, w_low=w.low, w_high=w.high, d0=d.a, d1=d.b, d_low=d.low, d_high=d.high,
            weights=_place(p, "weight"), delays=_place(p, "delay"),
            work=2 * p.total + 8 * n, LOCAL=min(cut.lanes, self.engine.local) if owners else self.engine.local,
            PLACE=tensors.get("synapse") is not None, BY=by,
            CHOICE=p.rows.choice, ITSELF=p.rows.autapses or p.offset is None, FORMAT=p.format, LANES=cut.lanes,
            WEIGHT=w.kind, DELAY=d.kind, HEARD=p.hearing,
            RANKS=self.ranks.size,
        )  # fmt: skip


def row_starts(counts: np.ndarray, format: int, cut: Cut) -> np.ndarray:
    """Where rows begin, in units, of so many synapses for each lane: (slices, sources + 1) int64."""
    slices, pre, lanes = counts.shape
    longest = counts.max(axis=2, initial=0).astype(np.int64).ravel()
    words = np.ceil(longest * WORDS[format]).astype(np.int64)  # of a lane
    if cut.loads:
        words += -words % 4
    ends = np.concatenate([[0], np.cumsum(-(-words * lanes // cut.unit))])
    return ends[np.arange(slices)[:, None] * pre + np.arange(pre + 1)]


def _place(p: Synapses, name: str) -> int:
    """Where weights or delays begin in what is given."""
    place = p.total if p.rows.choice == LISTED else 0
    return place + (p.total if name == "delay" and p.weight.kind == GIVEN else 0)


def _given(engine: Engine, p: Synapses, unit: float | None) -> Tensor | None:
    """Targets, weights in units and delays that the user listed, one behind the other; to count, targets alone."""
    parts = []
    if p.rows.targets is not None:
        parts.append(p.rows.targets)
    if unit is not None:
        if p.weight.each is not None:
            if p.format == PLASTIC:
                parts.append(p.weight.each.astype(np.float32).view(np.uint32))
            else:
                parts.append(np.floor(p.weight.each * unit + 0.5).astype(np.int64).astype(np.int32).view(np.uint32))
        if p.delay.each is not None:
            parts.append(p.delay.each.astype(np.uint32))
    return from_numpy(np.concatenate(parts), on=engine) if parts and p.total else None


def entries(p: Synapses, i: int, part: TablePart, cut: Cut, shift: int) -> tuple[np.ndarray, ...]:
    """Projection i in a part, read back: sources from 0, targets in the group, weights in units, delays, all int64.

    And the place of each one's number among the words of the projection in this part.
    """
    start = part.starts[i].astype(np.int64) * cut.unit
    lengths = np.diff(start, axis=1).ravel()
    first, last = (int(start[0, 0]), int(start[-1, -1])) if start.size else (0, 0)
    words = part.synapse._rows(first, last).numpy() if last > first else np.zeros(0, np.uint32)
    where = np.arange(last - first)
    row = np.repeat(np.arange(lengths.size), lengths)
    place = where - (np.cumsum(lengths) - lengths)[row]
    fours = place < lengths[row] // (4 * cut.lanes) * (4 * cut.lanes)
    lane = np.where(fours, place // 4, place) % cut.lanes
    slices, sources = np.divmod(row, max(1, p.pre))
    begin = (part.first + slices) * cut.span
    if p.format == TARGETS:
        found = words.view(np.uint16).reshape(-1, 2)
        keep = found != 0
        post = begin[:, None] + found - 1
        weight, delay = np.zeros(found.shape, np.int64), np.zeros(found.shape, np.int64)
        sources = np.broadcast_to(sources[:, None], post.shape)
        return sources[keep], post[keep], weight[keep], delay[keep], np.broadcast_to(where[:, None], post.shape)[keep]
    if p.format == PACKED:
        target, delay, weight = words & 2047, words >> 11 & 63, (words.view(np.int32) >> 17).astype(np.int64) << shift
    else:
        second = np.where(fours, place % 4, place // cut.lanes) % 2 == 1  # its first is before it, among the lane's
        target, delay = words & 0xFFFF, np.where(second, 0, words >> 16)
        where = np.minimum(where + np.where(fours, 1, cut.lanes), max(0, len(words) - 1))
        weight = words.view(np.int32)[where].astype(np.int64)
    keep = delay != 0
    post = begin + lane + target.astype(np.int64) * cut.lanes
    return sources[keep], post[keep], weight[keep], delay[keep].astype(np.int64), where[keep]
