"""The stream: dispatches are noted, then submitted together when somebody asks for data.

Nothing reaches the device until a submit.  A submit whose dispatches (programs and push constants) were submitted
before replays the recorded Sequence, which is what a loop in steady state does; a new one is recorded with a barrier
wherever a segment's use conflicts with an earlier use since the last barrier.  A submit begins with a barrier against
all earlier ones, so those need not have ended: a few are in flight while the next is noted, and only who reads waits.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from ..errors import DeviceError
from . import failures
from .captured import Capture
from .kernels import Program
from .leaving import leaving
from .memory import Buffer, Segment

if TYPE_CHECKING:
    from . import kp

Entry = tuple[Program, bytes]  # a dispatch: what runs, with which push constants
RNG_KEY, RNG_BASE = 1, 3  # words of the control block (shaders/include/control.glsl)

_CACHED_ENTRIES = 1 << 16  # dispatches kept in recorded sequences
_CACHED_SEQUENCES = 2048  # recorded sequences kept: each costs about 10 KiB, most of it the driver's
_SHORT = 0.2  # seconds: what a full submit may take if the work put into one is to grow
_TOO_LONG = 1.0  # seconds: a full submit that takes longer halves it
_SPREAD = 8  # of the work in a submit, how much more is tried at once after a very short one
_CACHED_PARTS = 64  # a dispatch cut into more submits than this is recorded anew each time
_MAX_PENDING = 4096  # dispatches noted before a submit happens by itself
_IN_FLIGHT = 2  # submits that the device may have at once: one runs, one waits, and Python notes the third


class Observer(Protocol):
    """Gets what was run while a profile is taken."""

    def record(self, entries: Sequence[Entry], sizes: Sequence[int], ticks: Sequence[tuple[int, int]]) -> None:
        """`ticks` holds (begin, end) device timestamps for each entry."""


class Recorder:
    """Turns entries into Kompute sequences on a device, with what the host does between them."""

    def __init__(self, device: kp.Device, host: Callable[[], kp.Host]) -> None:
        from . import kp

        self._kp = kp
        self._device = device
        self._host = host
        where = kp.Barrier.Where
        self._begin, self._between, self._end = (kp.Barrier(w) for w in (where.BEGIN, where.BETWEEN, where.END))

    def record(self, entries: Sequence[Entry], timers: list[Any] | None = None) -> list[kp.Piece]:
        """What does these dispatches, in their order; `timers` gets what tells two stamps of each, before and after."""
        pieces: list[kp.Piece] = []
        for host, run in groupby(entries, lambda entry: entry[0].tensors is not None):
            make = self._calls if host else self._dispatches
            pieces.append(make(list(run), timers))
        return pieces

    def _calls(self, entries: list[Entry], timers: list[Any] | None) -> kp.HostWork:
        kp = self._kp
        work = kp.HostWork(self._host(), [kp.HostCall(p.kernel, p.tensors or [], push) for p, push in entries])
        if timers is not None:
            timers.append(work)
        return work

    def _dispatches(self, entries: list[Entry], timers: list[Any] | None) -> kp.Sequence:
        kp = self._kp
        dispatch = kp.OpAlgoDispatch
        sequence = kp.Sequence(self._device)
        record = sequence.record
        reads: set[Segment] = set()
        writes: set[Segment] = set()
        times = None
        if timers is not None:
            with failures.of("the profile's timestamps"):
                times = kp.Timestamps(self._device, 2 * len(entries))
            timers.append(times)
        record(self._begin)
        for i, (program, push) in enumerate(entries):
            if not writes.isdisjoint(program.reads) or not program.writes.isdisjoint(reads | writes):
                record(self._between)
                reads.clear()
                writes.clear()
            if times is not None:
                record(kp.Stamp(times, 2 * i))
            record(dispatch(program.algorithm, push, *(program.part or ())))
            if times is not None:
                record(kp.Stamp(times, 2 * i + 1))
            reads |= program.reads
            writes |= program.writes
        record(self._end)
        return sequence


class Stream:
    """Collects dispatches and submits them; see the module's text.  The engine's lock guards every call.

    Args:
        device: the opened device.
        marker: gives the entry that advances the random counter by so many draws.
        host: gives what does the host's calls.
        budget: work (about one element-step each) that one submit may ever hold.
        start: how much it may hold until submits have shown how long they take (default: the same).
    """

    def __init__(
        self,
        device: kp.Device,
        marker: Callable[[int], Entry],
        host: Callable[[], kp.Host],
        budget: int,
        start: int | None = None,
    ) -> None:
        from . import kp

        self.recorder = Recorder(device, host)
        self.budget = budget
        if start is not None:
            self._budget = min(start, budget)
        self.submits = self.replays = self.dispatches = 0
        self.draws = 0  # random operations since the last submit
        self.drawn = 0  # those before it: what the device's counter will show once the submits so far are done
        self.capture: Capture | None = None
        self.observer: Observer | None = None
        self.lost: str | None = None
        self._kp = kp
        self._device = device
        self._queue = kp.Submits(device)
        self._marker = marker
        self._pending: list[Entry] = []
        self._sizes: list[int] = []
        # Inside `together`: what was appended, with the buffers, which must not be freed yet.
        self._held: list[tuple[Program, bytes, int, Sequence[Buffer]]] | None = None
        self._work = 0
        self._cut = False  # what is pending is one dispatch in parts, a submit each
        self._noted = 0  # dispatches so far
        # Of the last two issues: their submits' last number, how many, when, and the work in each.
        self._latest = self._before = (0, 1, 0.0, 0)
        self._done_at = 0.0  # when the device was last seen to end a submit
        self._recorded: OrderedDict[tuple[Entry, ...], list[kp.Piece]] = OrderedDict()
        self._recorded_entries = 0

    def append(self, program: Program, push: bytes, work: int, buffers: Sequence[Buffer]) -> None:
        """Notes a dispatch; submits what was noted before if both together are too much for one submit."""
        if self._held is not None:
            self._held.append((program, push, work, buffers))
            return
        pending = self._pending
        if pending and (self._work + work > self._budget or self._cut or len(pending) >= _MAX_PENDING):
            self.flush()
        if work > self._budget and program.groups > 1:
            self._append_parts(program, push, work, buffers)
            return
        self._noted += 1
        self._pending.append((program, push))
        self._work += work
        if self.observer is not None:
            self._sizes.append(sum(b.nbytes for b in buffers))

    def _append_parts(self, program: Program, push: bytes, work: int, buffers: Sequence[Buffer]) -> None:
        """A dispatch that is too much for one submit: parts of its workgroups, each in a submit of its own."""
        parts = program.parts(-(-work // self._budget))
        entries = [(part, push) for part in parts]
        sizes = [sum(b.nbytes for b in buffers) // len(parts)] * len(parts) if self.observer is not None else []
        count = len(entries)
        if self._pending:  # of a signal handler
            self.flush()
        self._sizes += sizes  # from here on without a call: whole or not at all
        self._noted += count
        self._pending += entries
        self._work += work
        self._cut = count > 1

    def together(self) -> _Together:
        """What is appended inside is noted whole at the end or, after an error or an interrupt, not at all.

        Only dispatches belong inside: whatever else happens there finds none of them noted.
        """
        return _Together(self)

    @property
    def budget(self) -> int:
        """Work that one submit may hold; less than what was set, where full submits took long."""
        return self._budget

    @budget.setter
    def budget(self, work: int) -> None:
        self._budget = self._most = work

    def _make_room(self, work: int) -> None:
        pending = self._pending
        if pending and (self._work + work > self._budget or self._cut or len(pending) >= _MAX_PENDING):
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
        """Submits what is noted, and does not wait for it unless as many submits are in flight as may be.

        Raises:
            DeviceError: the device does not take it, or lost earlier work.
        """
        while self._pending or self.draws:
            self._slot()
            pending, noted, draws, work = self._pending, self._noted, self.draws, self._work
            cut = self._cut
            groups = [[entry] for entry in pending] if cut else [[*pending]]
            if draws:  # all parts of a dispatch count from the same base
                groups[-1].append(self._marker(draws))
            if not groups[0]:
                return
            if self.observer is not None:
                self._observe(self.observer, groups, pending, noted)
                continue
            known, recorded = 0, []
            for entries in groups:
                key = tuple(entries)
                pieces = self._recorded.get(key)
                if pieces is not None:
                    known += 1
                    self._recorded.move_to_end(key)
                else:
                    pieces = self._record(entries)
                    if len(groups) <= _CACHED_PARTS:
                        self._keep(key, pieces)
                recorded.append(pieces)
            if self._give(recorded, pending, noted, work // len(groups), draws):
                self.replays += known
                self.dispatches += len(pending)

    def finish(self) -> None:
        """Submits what is noted and waits until all work is done.

        A signal handler's exception (Ctrl-C) passes through within a tenth of a second; the work goes on.

        Raises:
            DeviceError: the device did not finish the work.
        """
        while self._pending or self.draws or self._queue.finished != self.submits:
            self.flush()
            if self._queue.finished != self.submits:
                self._wait(self.submits)

    def issue(self, groups: Sequence[Sequence[kp.Piece]], work: int, draws: int) -> None:
        """Submits a graph after what is noted, each group of its pieces as one submit.

        `work` is what each group holds, to learn from its time how much should go into one; `draws` are the random
        operations in all of them.
        """
        while True:
            if self._pending or self.draws:
                self.flush()
            if self.submits - self._queue.finished >= _IN_FLIGHT:
                self._slot()
            pending, noted = self._pending, self._noted
            if not pending and not self.draws and self._give(groups, pending, noted, work, draws):
                return

    def _slot(self) -> None:
        """Waits until one more submit may be in flight.  Signal handlers run meanwhile: they may submit too."""
        while self.submits - self._queue.finished >= _IN_FLIGHT:
            self._wait(self.submits - _IN_FLIGHT + 1)

    def _give(
        self, groups: Sequence[Sequence[kp.Piece]], pending: list[Entry], noted: int, work: int, draws: int
    ) -> bool:
        """Submits groups in place of `pending`; not if a signal handler has changed what is noted since the look at it.

        Python looks for signals on entry to a function, after a call and at a loop's end.  Nothing is called between
        that comparison, letting go of the pending work and the submit: an interrupt finds it pending or submitted.
        """
        submit = self._queue.submit
        drawn, submits = self.drawn + draws, self.submits + len(groups)
        latest = (submits, len(groups), time.perf_counter(), work)
        if self._pending is not pending or self._noted != noted:
            return False
        try:
            self._before, self._latest, self.submits = self._latest, latest, submits
            self._pending, self._sizes, self.draws, self._work, self.drawn, self._cut = [], [], 0, 0, drawn, False
            submit(groups)
        except self._kp.VulkanError as error:
            self._lose(f"the device did not take the submitted work ({error})", error)
        return True

    def _wait(self, number: int) -> None:
        try:
            waited = self._queue.wait(number)
        except self._kp.VulkanError as error:
            self._lose(f"the device did not finish the submitted work ({error})", error)
        if not waited:  # it has ended some time ago
            return
        began, self._done_at = self._done_at, time.perf_counter()
        for last, groups, issued_at, work in (self._latest, self._before):
            # Smaller ones are slow for another reason: pipelines being compiled.
            if last == number and 2 * work >= self.budget:
                self._learn((self._done_at - max(issued_at, began)) / groups)
                return

    def _learn(self, seconds: float) -> None:
        """Adjusts the budget to what a full submit took: it grows while one of twice the size stays short."""
        if seconds > _TOO_LONG and self._budget > 1 << 16:
            self._budget >>= 1
        elif seconds < _SHORT / 2 and self._budget < self._most:
            more = _SPREAD if seconds < _SHORT / 4 / _SPREAD else 2
            self._budget = min(self._budget * more, self._most)

    def _record(self, entries: Sequence[Entry], timers: list[Any] | None = None) -> list[kp.Piece]:
        try:
            return self.recorder.record(entries, timers)
        except Exception as error:
            self._lose(f"the work could not be recorded ({error})", error)

    def _lose(self, what: str, cause: Exception | None = None) -> NoReturn:
        self._pending, self._sizes, self.draws, self._work, self._cut = [], [], 0, 0, False
        self.lost = (
            f"{what}; tensors made before this error are gone. Call grilly_vk.set_device() to open the device afresh"
        )
        raise DeviceError(self.lost) from cause

    def forget(self, unwanted: Callable[[Program], bool]) -> None:
        """Drops the recorded sequences that use an unwanted program."""
        for key in [k for k in self._recorded if any(unwanted(p) for p, _ in k)]:
            self._drop(key)

    def _keep(self, key: tuple[Entry, ...], pieces: list[kp.Piece]) -> None:
        self._recorded[key] = pieces
        self._recorded_entries += len(key)
        while len(self._recorded) > 1 and (
            self._recorded_entries > _CACHED_ENTRIES or len(self._recorded) > _CACHED_SEQUENCES
        ):
            self._drop(next(iter(self._recorded)))

    def _drop(self, key: tuple[Entry, ...]) -> None:
        del self._recorded[key]
        self._recorded_entries -= len(key)

    def _observe(self, observer: Observer, groups: list[list[Entry]], pending: list[Entry], noted: int) -> None:
        sizes = [*self._sizes, 4]  # the marker's is the last, where there is one
        timers: list[list[Any]] = [[] for _ in groups]
        recorded = [self._record(entries, own) for entries, own in zip(groups, timers)]
        if not self._give(recorded, pending, noted, self._work // len(groups), self.draws):
            return
        self.dispatches += len(pending)
        self._wait(self.submits)
        for entries, own in zip(groups, timers):
            with failures.of("the profile's timestamps"):
                ticks = [tick for timer in own for tick in timer.read()]
            observer.record(entries, sizes[: len(entries)], list(zip(ticks[::2], ticks[1::2])))
            del sizes[: len(entries)]


class _Together:
    """See `Stream.together`."""

    __slots__ = ("_outer", "_stream", "left")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.left = 0

    def __enter__(self) -> None:
        stream = self._stream
        self._outer = stream._held
        stream._held = []

    @leaving
    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.left += 1
        stream, outer = self._stream, self._outer
        held, stream._held = stream._held, outer
        if kind is not None or not held:
            return
        if outer is not None:
            outer += held
            return
        work = sum(call[2] for call in held)
        entries = [(program, push) for program, push, _, _ in held]
        sizes = [sum(b.nbytes for b in call[3]) for call in held] if stream.observer is not None else []
        count = len(entries)
        stream._make_room(work)
        stream._sizes += sizes  # from here on without a call: whole or not at all
        stream._noted += count
        stream._pending += entries
        stream._work += work
