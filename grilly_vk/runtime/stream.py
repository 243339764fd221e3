"""The stream: dispatches are noted, then submitted together when somebody asks for data.

Nothing reaches Kompute until a submit.  A submit whose dispatches (programs and push constants) were
submitted before replays the recorded Sequence, which is what a loop in steady state does; a new one is
recorded with a barrier wherever a segment's use conflicts with an earlier use since the last barrier.
Kompute never tells whether a submit worked, so the last dispatch of each counts up a ticket, checked here.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from ..errors import DeviceError
from .assumptions import Assumptions
from .kernels import Pipeline, Program
from .memory import Arena, Block, Buffer, Planned, Segment

Entry = tuple[Program, bytes]  # a dispatch: what runs, with which push constants
TICKET, RNG_KEY, RNG_BASE = 0, 1, 3  # words of the control block (shaders/include/control.glsl)

_CACHED_ENTRIES = 1 << 16  # dispatches kept in recorded sequences
_CACHED_SEQUENCES = 2048  # recorded sequences kept: each costs about 10 KiB, most of it the driver's
_TOO_LONG = 1.0  # seconds: a full submit that takes longer halves the work put into one
_MAX_PENDING = 4096  # dispatches noted before a submit happens by itself


class Observer(Protocol):
    """Gets what was run while a profile is taken."""

    def record(self, entries: Sequence[Entry], sizes: Sequence[int], ticks: Sequence[tuple[int, int]]) -> None:
        """`ticks` holds (begin, end) device timestamps for each entry."""


class Recorder:
    """Turns entries into Kompute sequences.

    Args:
        manager: the kp.Manager.
        barrier: the native Barrier class, or None: then a conflict ends the sequence, and waiting between
            two submits does what the barrier would.
    """

    def __init__(self, manager: Any, barrier: Any | None) -> None:
        import kp

        self._dispatch = kp.OpAlgoDispatch
        self._manager = manager
        self.native = barrier is not None
        if barrier is not None:
            self._begin, self._between, self._end = (
                barrier(where) for where in (barrier.Where.BEGIN, barrier.Where.BETWEEN, barrier.Where.END)
            )

    def record(self, entries: Sequence[Entry], timestamps: bool = False) -> list[tuple[Any, list[int]]]:
        """Sequences to run one after the other, each with the operation index of its dispatches."""
        out: list[tuple[Any, list[int]]] = []
        reads: set[Segment] = set()
        writes: set[Segment] = set()
        sequence: Any = None
        operations: list[int] = []
        count = 0

        def start() -> None:
            nonlocal sequence, operations, count
            slots = 2 * len(entries) + 3 if timestamps else 0
            sequence = self._manager.sequence(0, slots) if slots else self._manager.sequence()
            operations, count = [], 0
            out.append((sequence, operations))
            if self.native:
                add(self._begin)

        def add(operation: Any) -> None:
            nonlocal count
            sequence.record(operation)
            count += 1

        start()
        for program, push in entries:
            if not writes.isdisjoint(program.reads) or not program.writes.isdisjoint(reads | writes):
                if self.native:
                    add(self._between)
                else:
                    start()
                reads.clear()
                writes.clear()
            operations.append(count)
            add(self._dispatch(program.algorithm, np.frombuffer(push, np.float32)))
            reads |= program.reads
            writes |= program.writes
        if self.native:
            add(self._end)
        return out


class Stream:
    """Collects dispatches and submits them; see the module's text.  The engine's lock guards every call.

    Args:
        recorder: makes sequences.
        control: uint32 view of the control block.
        marker: gives the entry that counts the ticket up and advances the random counter by so many draws.
        budget: work (about one element-step each) that one submit may hold.
    """

    def __init__(self, recorder: Recorder, control: np.ndarray, marker: Callable[[int], Entry], budget: int) -> None:
        self.recorder = recorder
        self.budget = budget
        self.submits = self.replays = self.dispatches = 0
        self.draws = 0  # random operations since the last submit
        self.capture: Capture | None = None
        self.observer: Observer | None = None
        self.lost: str | None = None
        self._control = control
        self._marker = marker
        self._pending: list[Entry] = []
        self._sizes: list[int] = []
        self._work = 0
        self._recorded: OrderedDict[tuple[Entry, ...], list[Any]] = OrderedDict()
        self._recorded_entries = self._recorded_sequences = 0

    @property
    def pending(self) -> bool:
        """Whether dispatches wait for a submit."""
        return bool(self._pending)

    def append(self, program: Program, push: bytes, work: int, buffers: Sequence[Buffer]) -> None:
        """Notes a dispatch; submits what was noted before if both together are too much for one submit."""
        pending = self._pending
        if pending and (self._work + work > self.budget or len(pending) >= _MAX_PENDING):
            self.flush()
            pending = self._pending
        pending.append((program, push))
        self._work += work
        if self.observer is not None:
            self._sizes.append(sum(b.nbytes for b in buffers))

    @property
    def budget(self) -> int:
        """Work that one submit may hold; less than what was set, where full submits took long."""
        return self._budget

    @budget.setter
    def budget(self, work: int) -> None:
        self._budget = self._most = work

    def _make_room(self, work: int) -> None:
        if self._pending and (self._work + work > self.budget or len(self._pending) >= _MAX_PENDING):
            self.flush()

    def take_draw(self, work: int) -> int:
        """The number of the random operation that is appended next, counted from the base at its submit's start."""
        if self.capture is not None:
            self.capture.draws += 1
            return self.capture.draws - 1
        self._make_room(work)  # now, for a submit between here and the append would count the draw as done
        self.draws += 1
        return self.draws - 1

    def flush(self) -> None:
        """Submits what is noted and waits for it.

        Raises:
            DeviceError: the device did not finish the work.
        """
        if not self._pending:
            return
        sizes = self._sizes
        try:
            entries = [*self._pending, self._marker(self.draws)]
            key = tuple(entries)
            if self.observer is not None:
                recorded = self.recorder.record(entries, timestamps=True)
                sequences = [sequence for sequence, _ in recorded]
            elif key in self._recorded:
                sequences = self._recorded[key]
                self._recorded.move_to_end(key)
                self.replays += 1
            else:
                sequences = [sequence for sequence, _ in self.recorder.record(entries)]
                self._keep(key, sequences)
        except Exception as error:
            self._lose(f"the work could not be recorded ({error})", error)
        self.dispatches += len(entries)
        self.run(sequences, 1, self._work)
        if self.observer is not None:
            self._observe(self.observer, entries, sizes, recorded)

    def run(self, sequences: Sequence[Any], tickets: int, work: int) -> None:
        """Runs recorded sequences, what is pending or a graph, and checks that their markers counted up.

        `work` is what each of them holds, to learn from its time how much should go into one.

        An interrupt (Ctrl-C) passes through once they have run: half a submit would be neither done nor undone.
        Python looks for signals on entry to a function, after a call and at a loop's end, so `left` is exact,
        and nothing is called between letting go of the pending work and running it.
        """
        left = iter(sequences)
        expected = (int(self._control[TICKET]) + tickets) & 0xFFFFFFFF
        start = time.perf_counter()
        self._pending, self._sizes, self.draws, self._work = [], [], 0, 0
        try:
            for sequence in left:
                sequence.eval()
        except Exception as error:
            self._lose(f"the device did not take the submitted work ({error})", error)
        finally:
            if self.lost is None:
                for sequence in left:
                    sequence.eval()
                self.submits += len(sequences)
                if int(self._control[TICKET]) != expected:
                    self._lose("the device did not finish the submitted work (lost, reset or out of memory)")
                if 2 * work >= self.budget:  # smaller ones are slow for another reason: pipelines being compiled
                    self._learn((time.perf_counter() - start) / tickets)

    def _learn(self, seconds: float) -> None:
        """Adjusts the budget to what a full submit took."""
        if seconds > _TOO_LONG and self._budget > 1 << 16:
            self._budget >>= 1
        elif seconds < _TOO_LONG / 4 and self._budget < self._most:
            self._budget <<= 1

    def _lose(self, what: str, cause: Exception | None = None) -> NoReturn:
        self._pending, self._sizes, self.draws, self._work = [], [], 0, 0
        self.lost = (
            f"{what}; tensors made before this error are gone. Call grilly_vk.set_device() to open the device afresh"
        )
        raise DeviceError(self.lost) from cause

    def forget(self, unwanted: Callable[[Program], bool]) -> None:
        """Drops the recorded sequences that use an unwanted program."""
        for key in [k for k in self._recorded if any(unwanted(p) for p, _ in k)]:
            self._drop(key)

    def _keep(self, key: tuple[Entry, ...], sequences: list[Any]) -> None:
        self._recorded[key] = sequences
        self._recorded_entries += len(key)
        self._recorded_sequences += len(sequences)
        while len(self._recorded) > 1 and (
            self._recorded_entries > _CACHED_ENTRIES or self._recorded_sequences > _CACHED_SEQUENCES
        ):
            self._drop(next(iter(self._recorded)))

    def _drop(self, key: tuple[Entry, ...]) -> None:
        self._recorded_sequences -= len(self._recorded.pop(key))
        self._recorded_entries -= len(key)

    @staticmethod
    def _observe(
        observer: Observer, entries: list[Entry], sizes: list[int], recorded: list[tuple[Any, list[int]]]
    ) -> None:
        ticks: list[tuple[int, int]] = []
        for sequence, operations in recorded:
            stamps = sequence.get_timestamps()
            ticks += [(stamps[i], stamps[i + 1]) for i in operations]
        observer.record(entries, [*sizes, 4], ticks)


class Capture:
    """What a graph collects while it is recorded: dispatches, and the memory that must outlive it."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.assumptions = Assumptions(arena)
        self.calls: list[tuple[Pipeline, int, bytes, tuple[Block, ...]]] = []
        self.work: list[int] = []
        self.keep: dict[int, Buffer] = {}
        self.draws = 0
        # Where set: ids of the tensors whose gradients start inside; backward refuses to add to any other's.
        self.cleared: set[int] | None = None
        self.begun: dict[int, Any] = {}  # the modules whose state starts inside, by id
        self.at_end: list[Callable[[], None]] = []  # checks before the graph is finished

    def append(self, pipeline: Pipeline, groups: int, push: bytes, work: int, buffers: Sequence[Buffer]) -> None:
        """Notes a dispatch, and holds on to the buffers that are not the graph's own."""
        self.calls.append((pipeline, groups, push, tuple([b.block for b in buffers])))
        self.work.append(work)
        for buffer in buffers:
            block = buffer.block
            if isinstance(block, Planned) and block.arena is self.arena:
                block.last = self.arena.clock
                self.assumptions.changes(buffer.version)
            else:
                self.keep[id(buffer)] = buffer
        self.arena.clock += 1

    def entries(self, manager: Any) -> Iterator[Entry]:
        """The dispatches, once the graph's own blocks are placed."""
        for pipeline, groups, push, blocks in self.calls:
            program = pipeline.program(manager, tuple([b.segment for b in blocks]), groups)
            yield program, pipeline.moved(push, [b.offset if b.arena is self.arena else 0 for b in blocks])
