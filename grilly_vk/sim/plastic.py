"""Projections whose synapses change, on the device: tables, what is kept of spikes, the kernels of a batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import OutOfDeviceMemory
from ..ranks import ALONE, Ranks, Sorting
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, INT32, UINT32, Tensor, from_numpy, full
from .plasticity import DOPAMINE, LEVEL, SHORT_TERM, SPLIT, TRIPLET, Plasticity
from .synapses import Synapses
from .tables import Builder, TablePart

_TRACE = Kernel("sim-trace", over=lambda a: a["LOCAL"])
_OWNERS = Kernel("sim-plastic")
_ATOMIC = Kernel("sim-plastic-atomic")
_NEVER = -0x40000000
_SWEPT, _DUE, _UNTIL, _JUMPS = range(4)  # of `status`
_LEAST_ROOM = 64  # spikes of a history


class Entries(NamedTuple):
    """The synapses in the order of `connections`: by source, target, delay, and first weight."""

    pre: np.ndarray  # from 0
    post: np.ndarray  # in the group
    delay: np.ndarray  # steps
    place: np.ndarray  # among the weights of all parts, one behind the other


class Plastic:
    """One projection with a rule.

    Args:
        engine: where.
        given: its synapses.
        rule: how they change.
        size: neurons of the group.
        lanes, slices: see `tables.Cut`.
        post_number: the first target's number in the network.
        givers: the first number and how many neurons release dopamine.
        late: steps from their spikes to the level's jump.
        dt: ms.
        ranks: those that share the group; each knows the spikes of all, and has the synapses onto its own neurons.
    """

    def __init__(
        self,
        engine: Engine,
        given: Synapses,
        rule: Plasticity,
        size: int,
        lanes: int,
        slices: int,
        post_number: int,
        givers: tuple[int, int],
        late: int,
        dt: float,
        ranks: Ranks = ALONE,
    ) -> None:
        self.ranks = ranks
        self.engine, self.given, self.rule, self.dt = engine, given, rule, dt
        self.post_number, self.givers, self.late = post_number, givers, late
        self.builder = Builder(engine, [given], ranks.count(size), lanes, slices, ranks)
        self.counted = self.builder.count()
        self.base: np.ndarray | None = None  # weights that the user gave last
        self._entries: Entries | None = None  # found when they are asked for
        self._sorting: Sorting | None = None

    @property
    def heard(self) -> np.ndarray | None:
        """What counting found of the targets; see `Synapses.hearing`."""
        return self.counted.heard[0]

    clock: Tensor | None = None  # count of `Delivery.deliver`

    def finish(self, batch: int, total: int, unit: float) -> None:
        """Makes all that is kept on the device.

        Raises:
            OutOfDeviceMemory: the device has no room, or one of its buffers.
        """
        p, kind = self.given, self.rule.kind
        self.batch, self.unit = batch, unit
        needed = p.longest + 2 * batch + 8 + (SPLIT + self.late if kind == DOPAMINE else 0)
        self.room = max(_LEAST_ROOM, 1 << (needed - 1).bit_length())
        learns = kind != SHORT_TERM
        targets = p.post if learns else 0
        if 8 * targets * self.room > self.builder.most:
            raise OutOfDeviceMemory(
                f"the latest {self.room} spikes of {targets} neurons, which delays of {p.longest} steps need, don't "
                f"fit one of the device's storage buffers of {self.builder.most} bytes; make several projections of it"
            )
        on = self.engine
        self.rule_numbers = from_numpy(self.rule.numbers(self.dt), on=on)
        self.event = full((4 * batch * max(1, total),), 0, UINT32, on)
        self.trace = full((self.rule.traces, max(1, p.pre)), 0.0, FLOAT32, on)
        self.last = full((max(1, p.pre),), _NEVER, INT32, on)
        self.place = full((max(1, p.pre),), 0, UINT32, on)
        self.spikes = full((max(1, targets),), 0, UINT32, on)
        self.history = full((max(1, targets) * self.room * 2,), 0, UINT32, on)
        self.status = full((4,), 0, INT32, on)
        slow = targets if kind == TRIPLET else 0
        self.prior = full((max(1, slow * self.room),), 0.0, FLOAT32, on)
        self.seconds = full((max(1, slow),), 0.0, FLOAT32, on)
        self.dopamine = full((8 * self.room if kind == DOPAMINE else 2,), 0, UINT32, on)
        self._build()
        self.forget()

    def _build(self) -> None:
        """Draws the synapses, with their first weights."""
        self.parts: list[TablePart] = list(self.builder.place(self.counted, [1.0], [0]))
        loads = [part.synapse.shape[0] // 4 if self.rule.kind == DOPAMINE else 0 for part in self.parts]
        self.tags = [full((max(2, 2 * n),), 0.0, FLOAT32, self.engine) for n in loads]
        self._entries = None

    def forget(self) -> None:
        """Back to where no spike has been."""
        for tensor in (self.trace, self.spikes, self.seconds, *self.tags):
            tensor.assign(np.zeros(tensor.shape, tensor.dtype))
        self.last.assign(np.full(self.last.shape, _NEVER, np.int32))
        self.status.assign(np.array([_NEVER, 0, 0, 0], np.int32))

    def reset(self) -> None:
        """First weights, and no spikes."""
        if self.rule.kind != SHORT_TERM and self.base is None:
            for part, fresh in zip(self.parts, self.builder.place(self.counted, [1.0], [0])):
                part.synapse.assign(fresh.synapse)
            self._entries = None
        elif self.base is not None:
            self._write(self.base)
        self.forget()

    @property
    def nbytes(self) -> int:
        """On the device."""
        kept = (self.event, self.trace, self.last, self.place, self.spikes, self.history, self.prior, self.seconds)
        return sum(t.nbytes for t in (*kept, *self.tags)) + sum(part.nbytes for part in self.parts)

    # ---- a batch ----

    def deliver(self, count: Tensor, list: Tensor, ring: Tensor, slots: int, width: int) -> None:
        """Issues the kernels of a batch; see `Delivery.deliver`."""
        steps, total = list.shape
        p = self.given
        local = self.engine.local
        _TRACE(
            self.engine, count=count, list=list, event=self.event, trace=self.trace, last=self.last, place=self.place,
            heard=self.spikes, history=self.history, prior=self.prior, status=self.status, rule=self.rule_numbers,
            dopamine=self.dopamine, seconds=self.seconds,
            n=1, steps=steps, total=total, pre=p.pre, pre_first=p.pre_first, post=p.post,
            post_number=self.post_number, givers=self.givers[1], giver_first=self.givers[0], late=self.late,
            longest=p.longest, groups=1, work=total * steps, LOCAL=local,
            RULE=self.rule.kind, ROOM=self.room, NEAREST=self.rule.nearest,
        )  # fmt: skip
        for part, tag in zip(self.parts, self.tags):
            self._walk(part, part.synapse, tag, self.status, count, list, ring, slots, width)

    def _walk(
        self,
        part: TablePart,
        synapse: Tensor,
        tag: Tensor,
        status: Tensor,
        count: Tensor,
        list: Tensor,
        ring: Tensor,
        slots: int,
        width: int,
    ) -> None:
        p, cut, (steps, total) = self.given, self.counted.cut, list.shape
        owners = cut.lanes > 1
        up, down = (0 if x == 0 else 1 if x == 1 else 2 for x in self.rule.exponents)
        kernel = _OWNERS if owners else _ATOMIC
        kernel(
            self.engine, rows=part.rows, synapse=synapse, tag=tag, event=self.event, trace=self.trace, last=self.last,
            heard=self.spikes, history=self.history, prior=self.prior, status=status, rule=self.rule_numbers,
            dopamine=self.dopamine, ring=ring, count=count, list=list,
            n=part.slices, first=part.first, steps=steps, total=total, slots=slots, width=width, per=cut.per,
            pre=p.pre, pre_first=p.pre_first, receptor=p.receptor, unit=self.unit,
            into=p.post_first + self.ranks.size - self.ranks.rank,
            groups=part.slices if owners else self.engine.tuning.sim_groups,
            LOCAL=cut.lanes if owners else self.engine.local, work=40 * total * steps,
            RULE=self.rule.kind, ROOM=self.room, UP=up, DOWN=down, RANKS=self.ranks.size,
        )  # fmt: skip

    # ---- what users ask ----

    @property
    def entries(self) -> Entries:
        """Where each synapse is; found once."""
        if self._entries is None:
            p, cut = self.given, self.counted.cut
            found = []
            first = 0
            for part in self.parts:
                words = part.synapse.numpy().reshape(-1, 4)
                start = part.starts[0].astype(np.int64)
                lengths = np.diff(start, axis=1).ravel()
                row = np.repeat(np.arange(lengths.size), lengths)
                load = np.arange(len(row))  # a part has the rows of this projection alone
                lane = (load - (np.cumsum(lengths) - lengths)[row]) % cut.lanes
                piece, source = np.divmod(row, max(1, p.pre))
                own = (part.first + piece) * cut.span + lane
                target = words[: len(row), ::2]
                delay = target.astype(np.int64) >> 16
                post = own[:, None] + (target & 0xFFFF).astype(np.int64) * cut.lanes
                place = first + np.arange(2 * len(row)).reshape(-1, 2)
                keep = delay != 0
                found.append([np.broadcast_to(source[:, None], post.shape)[keep], post[keep], delay[keep], place[keep]])
                first += 2 * len(words)
            pre, post, delay, place = (np.concatenate(c).astype(np.int64) for c in zip(*found))
            order = np.lexsort((self._all(self.parts)[place], delay, post, pre))
            self._entries = Entries(pre[order], self.ranks.numbers(post[order]), delay[order], place[order])
        return self._entries

    def _all(self, parts: list[TablePart] | list[Tensor]) -> np.ndarray:
        """The weights in tables, one behind the other, float32, empty places too."""
        tensors = [part if isinstance(part, Tensor) else part.synapse for part in parts]
        return np.concatenate([t.numpy().reshape(-1, 4)[:, 1::2].ravel() for t in tensors]).view(np.float32)

    def weights(self, count: Tensor, list: Tensor, ring: Tensor, slots: int, width: int) -> np.ndarray:
        """All weights now, float32, by source, target and delay: every pair of spikes so far has had its effect.

        Nothing changes: the tables that a run goes on with are as they were.
        """
        tables = [part.synapse for part in self.parts]
        if self.rule.kind != SHORT_TERM:
            tables, tags = [t.copy() for t in tables], [t.copy() for t in self.tags]
            self._sweep(tables, tags, count, list, ring, slots, width)
        return self._all(tables)[self.entries.place]

    def _sweep(
        self,
        tables: list[Tensor],
        tags: list[Tensor],
        count: Tensor,
        list: Tensor,
        ring: Tensor,
        slots: int,
        width: int,
    ) -> int:
        """Brings all weights up to date, in these tables; the last step that counts."""
        until = int(count.numpy()[list.shape[0]]) - 1
        now = self.status.numpy().copy()
        if now[_DUE]:  # the last batch did that
            now[_SWEPT] = now[_UNTIL]
        now[[_DUE, _UNTIL]] = 1, until
        status = from_numpy(now, on=self.engine)
        for part, table, tag in zip(self.parts, tables, tags):
            self._walk(part, table, tag, status, count, list, ring, slots, width)
        return until

    def set_weights(
        self, values: np.ndarray, count: Tensor, list: Tensor, ring: Tensor, slots: int, width: int
    ) -> None:
        """Gives all synapses other weights, from now on; () or in the order of `weights`."""
        values = np.broadcast_to(values.astype(np.float32), self.entries.place.shape)
        if self.rule.kind != SHORT_TERM:  # pairs of spikes so far change the old weights
            until = self._sweep([part.synapse for part in self.parts], self.tags, count, list, ring, slots, width)
            status = self.status.numpy().copy()
            status[[_SWEPT, _DUE]] = until, 0
            self.status.assign(status)
        self.base = values.copy()
        self._write(values)

    def _write(self, values: np.ndarray) -> None:
        place, first = self.entries.place, 0
        for part in self.parts:
            words = part.synapse.numpy().copy()
            n = len(words) // 2
            mine = (place >= first) & (place < first + n)
            words.reshape(-1, 2)[place[mine] - first, 1] = values[mine].view(np.uint32)
            part.synapse.assign(words)
            first += n

    def _now(self) -> int:
        """The step that comes next."""
        assert self.clock is not None
        return int(self.clock.numpy()[self.batch])

    def level(self) -> float:
        """Of dopamine, now."""
        return self._level(self.dopamine.numpy().reshape(-1, 2), int(self.status.numpy()[_JUMPS]), self._now())[1]

    def _level(self, jumps: np.ndarray, many: int, now: int) -> tuple[int, float]:
        """How many jumps came before step `now`, and the level there."""
        ring = len(jumps)
        first = max(0, many - ring)
        while many > first and jumps[(many - 1) % ring].view(np.int32)[0] > now:
            many -= 1
        if many == first:
            return many, 0.0
        jump = jumps[(many - 1) % ring]
        fall = np.exp((int(jump.view(np.int32)[0]) - now) * float(self.rule_numbers.numpy()[LEVEL]))
        return many, float(jump.view(np.float32)[1] * fall)

    def set_level(self, level: float) -> None:
        """Sets dopamine to a level from now on; spikes whose dopamine is under way still add to it."""
        jumps, status = self.dopamine.numpy().reshape(-1, 2).copy(), self.status.numpy().copy()
        now, many = self._now(), int(status[_JUMPS])
        before, old = self._level(jumps, many, now)
        later = [jumps[q % len(jumps)].copy() for q in range(before, many)]
        same = before > 0 and jumps[(before - 1) % len(jumps)].view(np.int32)[0] == now
        at = before - same
        for q, jump in enumerate([np.array([now, 0], np.int32), *later]):
            t = int(jump.view(np.int32)[0])
            fall = np.exp((now - t) * float(self.rule_numbers.numpy()[LEVEL]))
            value = float(jump.view(np.float32)[1]) + (level - old) * fall if q else level
            jumps[(at + q) % len(jumps)] = [np.uint32(t), np.float32(value).view(np.uint32)]
        status[_JUMPS] = at + 1 + len(later)
        self.dopamine.assign(jumps.ravel())
        self.status.assign(status)

    # ---- saving ----

    def sorting(self) -> Sorting:
        """How this rank's `entries` lie among those of all; the first time a meeting."""
        if self._sorting is None:
            self._sorting = self.ranks.sorting(self.entries.pre, self.entries.post)
        return self._sorting

    def state(self) -> dict[str, np.ndarray]:
        """All that a run changes, weights and eligibility in the order of all ranks' `entries`; a meeting."""
        place, sorting = self.entries.place, self.sorting()
        out = {"weights": sorting.whole(self._all(self.parts)[place])}
        out |= {name: getattr(self, name).numpy() for name in self._kept()}
        if self.rule.kind == DOPAMINE:
            out["eligibility"] = sorting.whole(np.concatenate([t.numpy() for t in self.tags])[place])
        return out

    def _kept(self) -> tuple[str, ...]:
        learning = () if self.rule.kind == SHORT_TERM else ("spikes", "history", "status")
        more = {TRIPLET: ("prior", "seconds"), DOPAMINE: ("dopamine",)}.get(self.rule.kind, ())
        return ("trace", "last", *learning, *more)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the arrays in a state."""
        out: dict[str, tuple[int, ...]] = {"weights": (self.given.total,)}
        out |= {name: getattr(self, name).shape for name in self._kept()}
        if self.rule.kind == DOPAMINE:
            out["eligibility"] = (self.given.total,)
        return out

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Takes up what `state` gave, of the same network; the first time a meeting."""
        sorting = self.sorting()
        for name in self._kept():
            tensor = getattr(self, name)
            tensor.assign(np.asarray(state[name], tensor.dtype))
        self._write(sorting.own(np.asarray(state["weights"], np.float32)))
        if self.rule.kind == DOPAMINE:
            first, eligibility = 0, sorting.own(np.asarray(state["eligibility"], np.float32))
            for tag in self.tags:
                values = np.zeros(tag.shape, np.float32)
                mine = (self.entries.place >= first) & (self.entries.place < first + len(values))
                values[self.entries.place[mine] - first] = eligibility[mine]
                tag.assign(values)
                first += len(values)
