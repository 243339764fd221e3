"""Device memory: a few large segments, and blocks handed out of them.

A segment is one Kompute tensor; a block is (segment, offset, size), 256-byte aligned.  Freed blocks wait in
exact-size lists, so that a program that repeats itself allocates nothing.  Device work runs in recording
order, so a block may be handed to later device work at once; the host writes immediately, so it only gets a
block whose former users have run ("clean").  Blocks of a captured graph get their place when the capture ends.
"""

from __future__ import annotations

import bisect
import functools
import operator
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutOfDeviceMemory
from .placement import place

if TYPE_CHECKING:
    from . import kp

ALIGN = 256
_freed_at = operator.attrgetter("freed_at")


@functools.lru_cache(4096)
def rounded(nbytes: int) -> int:
    """The block size for a request: whole 256-byte units, above 4 KiB an eighth of a power of two apart."""
    step = ALIGN if nbytes <= 4096 else max(ALIGN, 1 << (nbytes.bit_length() - 4))
    return -(-max(nbytes, 1) // step) * step


def readable(nbytes: float) -> str:
    """Bytes for people: '96.0 MiB'."""
    for unit in ("B", "KiB", "MiB"):
        if abs(nbytes) < 1024:
            return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.1f} GiB"


class Segment:
    """One Kompute tensor and the ranges of it that no block covers."""

    __slots__ = ("changes", "dirty_until", "free", "nbytes", "number", "owner", "tensor", "words")

    def __init__(self, number: int, owner: Any, tensor: Any, nbytes: int, words: np.ndarray | None) -> None:
        self.number = number
        self.owner = owner  # the kp.Device that it lies on
        self.tensor = tensor
        self.nbytes = nbytes
        self.words = words  # uint32 view of the memory; None where the host can't see it
        self.free: list[tuple[int, int]] = [(0, nbytes)]  # (offset, size)
        self.changes = 0  # of `free`
        self.dirty_until = -1  # the last submit, counted from 0, that may use the free ranges

    def check(self) -> None:
        """Raises where there is no memory: in a graph that is still captured, or whose capture failed."""
        if self.tensor is None:
            raise RuntimeError(
                "a tensor that was made while a graph was captured has no memory until the capture has ended well"
            )

    def carve(self, size: int, pool: Pool, ticket: kp.Ticket) -> bool:
        """Takes `size` bytes from the best-fitting free range, as the block that `ticket` holds; whether there is one.

        What changes, changes after the last call: an interrupt finds all of it done or nothing, and so does a signal
        handler that allocates itself.
        """
        while True:
            seen = self.changes
            best = min((r for r in self.free if r[1] >= size), key=lambda r: (r[1], r[0]), default=None)
            if best is None:
                return False
            offset, room = best
            block = Block(self, offset, size)
            rest = [(offset + size, room - size)] if room > size else []
            at = self.free.index(best)
            if self.changes == seen:
                self.changes = seen + 1
                self.free[at : at + 1] = rest
                pool.in_use += size
                ticket.held = block
                return True

    def join(self) -> None:
        """Makes one of free ranges that touch."""
        while True:
            seen = self.changes
            joined: list[tuple[int, int]] = []
            for start, length in sorted(self.free):
                if joined and joined[-1][0] + joined[-1][1] == start:
                    joined[-1] = (joined[-1][0], joined[-1][1] + length)
                else:
                    joined.append((start, length))
            if self.changes == seen:
                self.changes = seen + 1
                self.free = joined
                return


class Block:
    """A piece of a segment.  `arena` is the captured graph that owns it, if any."""

    __slots__ = ("arena", "freed_at", "offset", "segment", "size")

    def __init__(self, segment: Segment, offset: int, size: int) -> None:
        self.segment = segment
        self.offset = offset
        self.size = size
        self.freed_at = -1
        self.arena: Arena | None = None


class Planned(Block):
    """A block of a graph.  Without memory until the capture ends, when all lifetimes are known."""

    __slots__ = ("buffer", "first", "freed", "last")

    def __init__(self, arena: Arena, size: int) -> None:
        super().__init__(arena.nowhere, 0, size)
        self.arena = arena
        self.first, self.last = arena.clock, arena.clock - 1  # the dispatches between which it is needed
        self.freed = False
        self.buffer: weakref.ref[Buffer] | None = None


class Arena:
    """The memory of one captured graph: reused inside the graph, by nobody else while the graph lives.

    Args:
        owner: the kp.Device.
    """

    __slots__ = ("clock", "held", "live", "nowhere", "settled")

    def __init__(self, owner: Any) -> None:
        self.nowhere = Segment(0, owner, None, 0, None)  # where blocks are until they are placed
        self.clock = 0  # dispatches so far
        self.live: dict[Planned, None] = {}  # in the order of their making; while capturing, those needed and freed too
        self.held: list[Block] = []  # what the pool gave for all of them
        self.settled = False  # all have their place

    @property
    def nbytes(self) -> int:
        """Bytes that the graph keeps from others, its results among them."""
        return sum(b.size for b in self.held)

    def drop(self, block: Planned) -> None:
        """Nobody asks for the block's contents after the dispatches that were noted so far."""
        if block.segment is self.nowhere:
            block.freed = True
        else:
            self.live.pop(block, None)


def _words(buffer: Buffer | Part) -> np.ndarray:
    """The memory as uint32, on a segment that the host can see.  The caller has synchronised."""
    segment = buffer.segment
    if segment.words is None:
        segment.check()
        raise RuntimeError("this memory is not visible to the host")
    return segment.words[buffer.offset // 4 : (buffer.offset + buffer.nbytes + 3) // 4]


class Buffer:
    """A live allocation.  Dropping the last reference frees it, from any thread: its ticket queues the block.

    `version` is a list of one number that in-place changes count up; whoever shares the memory shares the list.
    """

    # `_home` (what it was moved into) and `pinned` (numpy sees the memory) are set on the few that need them.
    __slots__ = ("__weakref__", "_home", "_ticket", "block", "nbytes", "offset", "pinned", "segment", "version")
    moves = 0  # of all buffers so far
    pinned: bool

    def __init__(self, block: Block, offset: int, nbytes: int, ticket: kp.Ticket | None) -> None:
        self.block = block
        self.segment = block.segment
        self.offset = offset  # bytes into the segment
        self.nbytes = nbytes
        self.version = [0]
        self._ticket = ticket

    @property
    def movable(self) -> bool:
        """Whether everybody who knows of the memory knows it through this buffer."""
        return not getattr(self, "pinned", False) and self.block.arena is None

    def move(self, into: Buffer | Part, start: int) -> None:
        """Lies in another buffer from now on, which it keeps alive; so do all tensors on it and parts of it.

        The caller has issued the copy of the contents, holds the engine's lock and captures no graph.
        """
        block, segment, offset = into.block, into.segment, into.offset + start
        self._home = into
        self.block, self.segment, self.offset = block, segment, offset
        self._ticket = None  # its dropping gives the own block back
        Buffer.moves += 1

    @property
    def buffer(self) -> Buffer:
        """Itself: kernels take it as they take a tensor."""
        return self

    words = _words


class Part:
    """A stretch of a buffer, for kernels that work on some of the steps.  Keeps the buffer alive.

    Raises:
        RuntimeError: it does not lie in the buffer.
    """

    __slots__ = ("nbytes", "parent", "start", "version")

    def __init__(self, parent: Buffer | Part, start: int, nbytes: int) -> None:
        if start < 0 or nbytes < 0 or start + nbytes > parent.nbytes:
            raise RuntimeError(f"bytes {start} to {start + nbytes} don't lie in the {parent.nbytes} bytes of a buffer")
        self.parent = parent
        self.start = start
        self.nbytes: int = nbytes
        self.version: list[int] = parent.version

    @property
    def buffer(self) -> Part:
        """As `Buffer.buffer`."""
        return self

    words = _words

    @property
    def block(self) -> Block:
        """As `Buffer.block`, which changes when the buffer is moved."""
        return self.parent.block

    @property
    def segment(self) -> Segment:
        """As `Buffer.segment`, which changes when a graph is placed or the buffer is moved."""
        return self.parent.segment

    @property
    def offset(self) -> int:
        """As `Buffer.offset`, which changes when a graph is placed or the buffer is moved."""
        return self.parent.offset + self.start


class Pool:
    """Segments of one memory type, with the free lists.

    Args:
        create: makes a Segment of that many bytes, or raises OutOfDeviceMemory.
        segment_bytes: the usual segment size; larger requests get a segment of their own.
        max_bytes: the largest single request that the device can bind.
        serial: gives (submits issued, what is noted but not submitted).
        finished: gives the number of submits known to be done.
        finish: submits and waits.
        purge: lets go of everything that keeps unused segments alive.
        heap: number of the device's heap that it allocates from.
    """

    def __init__(
        self,
        create: Callable[[int], Segment],
        segment_bytes: int,
        max_bytes: int,
        serial: Callable[[], tuple[int, bool]],
        finished: Callable[[], int],
        finish: Callable[[], None],
        purge: Callable[[set[Segment]], None],
        heap: int = 0,
    ) -> None:
        from . import kp

        self.heap = heap
        self.segments: list[Segment] = []
        self.segment_bytes = segment_bytes
        self.max_bytes = max_bytes
        self.arena: Arena | None = None  # set while a graph is captured
        self.guard = 0  # bytes kept on either side of an allocation, for the debug mode
        self.on_alloc: Callable[[Block, int, bool], None] | None = None
        self.on_free: Callable[[Block], None] | None = None
        self.on_place: Callable[[Block], None] | None = None  # a block of a graph, when it gets its memory
        self.on_retire: Callable[[Block], None] | None = None  # a free block that a dropped graph owned
        self.in_use = self.peak = self.allocations = 0
        self.released: deque[Block | None] = deque()  # filled by tickets, in any thread
        self.retired: deque[Arena] = deque()
        self._cache: dict[int, list[Block]] = {}
        self._create, self._serial, self._finished = create, serial, finished
        self._finish, self._purge = finish, purge
        self._gone: set[Segment] = set()  # left, but not yet destroyed
        self._Ticket, self._append = kp.Ticket, self.released.append

    def ticket(self, arena: Arena) -> kp.Ticket:
        """What gives the memory of a graph back when it is dropped."""
        ticket = self._Ticket(self.retired.append)
        ticket.held = arena
        return ticket

    @property
    def reserved(self) -> int:
        """Bytes in segments."""
        return sum(s.nbytes for s in self.segments)

    def alloc(self, nbytes: int, *, clean: bool = False) -> Buffer:
        """A buffer of at least `nbytes`; `clean` if the host is going to write it before the next submit.

        Raises:
            OutOfDeviceMemory: larger than one buffer may be, or than what is left.
        """
        if type(nbytes) is not int:  # a fraction would stay in the places of all that comes after
            nbytes = operator.index(nbytes)
        arena = None if clean else self.arena
        size = rounded(nbytes + 2 * self.guard)
        if size > self.max_bytes or arena is not None:  # a graph needs no classes of size
            size = -(-(nbytes + 2 * self.guard) // ALIGN) * ALIGN
        if size > self.max_bytes:
            raise OutOfDeviceMemory(
                f"one tensor of {readable(nbytes)} was asked for; this device binds at most {readable(self.max_bytes)}"
            )
        if self.released or self.retired:
            self.collect()
        self.allocations += 1
        ticket = self._Ticket(self._append)  # from where it holds the block, that is given back whatever happens
        if arena is not None:
            planned = Planned(arena, max(size, ALIGN))
            ticket.held = planned
            arena.live[planned] = None
            if self.on_alloc is not None:
                self.on_alloc(planned, nbytes, clean)
            buffer = Buffer(planned, self.guard, nbytes, ticket)
            planned.buffer = weakref.ref(buffer)
            return buffer
        blocks = self._cache.get(size)
        if blocks and not clean:  # as in _take, by far the most usual
            ticket.held = blocks[-1]
            del blocks[-1]
            self.in_use += size
            if self.in_use > self.peak:
                self.peak = self.in_use
        else:
            self._take(size, clean, ticket)
        block: Block = ticket.held
        if self.on_alloc is not None:
            self.on_alloc(block, nbytes, clean)
        return Buffer(block, block.offset + self.guard, nbytes, ticket)

    def settle(self, arena: Arena) -> None:
        """Places the blocks of a graph, whose capture has ended; what is still referred to shares its memory with none.

        Raises:
            OutOfDeviceMemory: no room.
        """
        blocks = [b for b in arena.live if not b.freed or b.last >= b.first]
        lives = [(b.size, b.first, b.last if b.freed else arena.clock) for b in blocks]
        limit = self.max_bytes // ALIGN * ALIGN
        while True:
            places, pieces = place(lives, limit)
            try:
                for size in pieces:
                    ticket = self._Ticket(self._append)
                    self._take(size, False, ticket)
                    arena.held += [ticket.held]
                    ticket.held = None
                break
            except OutOfDeviceMemory:  # smaller pieces may fit between what others have
                self.released += arena.held
                arena.held = []
                self.collect()
                largest = max(size for size, _, _ in lives)
                if max(pieces) == largest:
                    raise
                limit = max(max(pieces) // 2 // ALIGN * ALIGN, largest)
        for block, (piece, offset) in zip(blocks, places):
            block.segment = arena.held[piece].segment
            block.offset = arena.held[piece].offset + offset
            buffer = block.buffer() if block.buffer is not None else None
            if buffer is not None:
                buffer.segment = block.segment
                buffer.offset = block.offset + self.guard
        arena.live, arena.settled = {b: None for b in arena.live if not b.freed}, True
        if self.on_place is not None:
            for block in arena.live:
                self.on_place(block)

    # A block is always in one place: in a free range, on a free list, on its way in a ticket or in `released`, or in
    # use.  Python looks for signals only after calls and at the end of loops, so the moves between those have none.

    def _take(self, size: int, clean: bool, ticket: kp.Ticket) -> None:
        blocks = self._cache.get(size)
        at = -1
        if blocks and clean:
            # The latest clean one: a loop gets the same memory again, and so replays what was recorded for it.
            done = self._finished()
            at = bisect.bisect_left(blocks, done, key=_freed_at) - 1
            if at < 0 or not blocks[at : at + 1] or blocks[at].freed_at >= done:
                blocks = None
        if blocks:
            ticket.held = blocks[at]
            del blocks[at]
            self.in_use += size
        else:
            self._carved(size, clean, ticket)
        if self.in_use > self.peak:
            self.peak = self.in_use

    def collect(self) -> None:
        """Puts the blocks of dropped buffers and graphs on the free lists; the device may still run work on them."""
        released, retired = self.released, self.retired
        while retired:
            arena = retired[0]
            self._end_arena(arena)
            if retired and retired[0] is arena:
                del retired[0]
        while released:
            block = released[0]
            if block is None:
                del released[0]
                continue
            if self.on_free is not None:
                self.on_free(block)
            if isinstance(block, Planned) and block.arena is not None:
                block.arena.drop(block)
                if released and released[0] is block:
                    del released[0]
                continue
            blocks = self._cache.setdefault(block.size, [])
            issued, pending = self._serial()
            if released and released[0] is block:  # else a signal handler was here
                block.freed_at = issued if pending else issued - 1  # the last submit that may use it, counted from 0
                self.in_use -= block.size
                blocks += [block]
                del released[0]

    def _end_arena(self, arena: Arena) -> None:
        """Results stay, now as blocks like others; what lies between them is free."""
        if not arena.settled:  # the capture failed, perhaps while its blocks were placed
            for planned in arena.live:
                planned.segment = arena.nowhere
                buffer = planned.buffer() if planned.buffer is not None else None
                if buffer is not None:
                    buffer.segment = arena.nowhere
        results = sorted((b for b in arena.live if b.segment is not arena.nowhere), key=lambda b: b.offset)
        while arena.held:
            held = arena.held[-1]
            start, stop = held.offset, held.offset + held.size
            inside = [b for b in results if b.segment is held.segment and start <= b.offset < stop]
            for block in inside:
                block.arena = None
            edges = [start, *(edge for b in inside for edge in (b.offset, b.offset + b.size)), stop]
            gaps = [Block(held.segment, a, b - a) for a, b in zip(edges[::2], edges[1::2]) if b > a]
            if self.on_retire is not None:
                for gap in gaps:
                    self.on_retire(gap)
            if arena.held and arena.held[-1] is held:
                del arena.held[-1]
                self.released += gaps
        arena.live = {}

    def cached_blocks(self) -> list[Block]:
        """Every free block that waits for a request of its size."""
        return [b for blocks in self._cache.values() for b in blocks]

    def _carved(self, size: int, clean: bool, ticket: kp.Ticket) -> None:
        if not self._from_ranges(size, ticket):
            if self._cache:
                self._coalesce()
            while not self._from_ranges(size, ticket):
                self._grow(size)  # raises, or makes room
        if clean and ticket.held.segment.dirty_until >= self._finished():
            self._finish()

    def _from_ranges(self, size: int, ticket: kp.Ticket) -> bool:
        return any(segment.carve(size, self, ticket) for segment in self.segments)

    def _coalesce(self) -> None:
        for blocks in list(self._cache.values()):
            while blocks:
                block = blocks[-1]
                segment = block.segment
                if block.freed_at > segment.dirty_until:
                    segment.dirty_until = block.freed_at
                segment.changes += 1
                segment.free += [(block.offset, block.size)]
                del blocks[-1]
        for segment in self.segments:
            segment.join()
        self._cache = {size: blocks for size, blocks in self._cache.items() if blocks}

    def _grow(self, size: int) -> None:
        nbytes = self.segment_bytes if size <= self.segment_bytes // 2 else max(size, self.segment_bytes)
        nbytes = min(nbytes, max(self.max_bytes // ALIGN * ALIGN, size))
        try:
            segment = self._create(nbytes)
        except OutOfDeviceMemory:
            self._finish()
            self._coalesce()
            for empty in list(self.segments):
                whole = [(0, empty.nbytes)]
                at = next((i for i, s in enumerate(self.segments) if s is empty), -1)
                if empty.free == whole and self.segments[at : at + 1] == [empty]:
                    empty.free = []
                    del self.segments[at]
                    self._gone = self._gone | {empty}
            gone = self._gone
            self._purge(gone)
            self._gone = self._gone - gone
            segment = self._create(size)
        self.segments.append(segment)
