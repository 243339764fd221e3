"""Device memory: a few large segments, and blocks handed out of them.

A segment is one Kompute tensor; a block is (segment, offset, size), 256-byte aligned.  Freed blocks wait in
exact-size lists, so that a program that repeats itself allocates nothing.  Device work runs in recording
order, so a block may be handed to later device work at once; the host writes immediately, so it only gets a
block whose former users have run ("clean").  Blocks of a captured graph get their place when the capture ends.
"""

from __future__ import annotations

import bisect
import functools
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import OutOfDeviceMemory
from .placement import place

ALIGN = 256


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

    __slots__ = ("dirty_until", "free", "nbytes", "number", "owner", "tensor", "words")

    def __init__(self, number: int, owner: Any, tensor: Any, nbytes: int, words: np.ndarray | None) -> None:
        self.number = number
        self.owner = owner  # the kp.Device that it lies on
        self.tensor = tensor
        self.nbytes = nbytes
        self.words = words  # uint32 view of the memory; None where the host can't see it
        self.free: list[tuple[int, int]] = [(0, nbytes)]  # (offset, size), by offset
        self.dirty_until = -1  # the last submit, counted from 0, that may use the free ranges

    def check(self) -> None:
        """Raises where there is no memory: in a graph that is still captured, or whose capture failed."""
        if self.tensor is None:
            raise RuntimeError(
                "a tensor that was made while a graph was captured has no memory until the capture has ended well"
            )

    def carve(self, size: int) -> int | None:
        """Takes `size` bytes from the best-fitting free range; None if there is none."""
        best = min((r for r in self.free if r[1] >= size), key=lambda r: (r[1], r[0]), default=None)
        if best is None:
            return None
        at = self.free.index(best)
        offset, room = best
        self.free[at : at + 1] = [(offset + size, room - size)] if room > size else []
        return offset

    def give_back(self, offset: int, size: int) -> None:
        """Returns a range and joins it with its free neighbours."""
        self.free.append((offset, size))
        self.free.sort()
        joined: list[tuple[int, int]] = []
        for start, length in self.free:
            if joined and joined[-1][0] + joined[-1][1] == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + length)
            else:
                joined.append((start, length))
        self.free = joined


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

    __slots__ = ("clock", "held", "live", "nowhere")

    def __init__(self, owner: Any) -> None:
        self.nowhere = Segment(0, owner, None, 0, None)  # where blocks are until they are placed
        self.clock = 0  # dispatches so far
        self.live: dict[Planned, None] = {}  # in the order of their making; while capturing, those needed and freed too
        self.held: list[Block] = []  # what the pool gave for all of them

    @property
    def nbytes(self) -> int:
        """Bytes that the graph keeps from others, its results among them."""
        return sum(b.size for b in self.held)

    def drop(self, block: Planned) -> None:
        """Nobody asks for the block's contents after the dispatches that were noted so far."""
        if block.segment is self.nowhere:
            block.freed = True
        else:
            del self.live[block]


class Buffer:
    """A live allocation.  Dropping the last reference frees it, from any thread.

    `version` is a list of one number that in-place changes count up; whoever shares the memory shares the list.
    """

    # `_home` (what it was moved into) and `pinned` (numpy sees the memory) are set on the few that need them.
    __slots__ = ("__weakref__", "_home", "_released", "block", "nbytes", "offset", "pinned", "segment", "version")
    moves = 0  # of all buffers so far
    pinned: bool

    def __init__(self, block: Block, offset: int, nbytes: int, released: deque[Block]) -> None:
        self.block = block
        self.segment = block.segment
        self.offset = offset  # bytes into the segment
        self.nbytes = nbytes
        self.version = [0]
        self._released: deque[Block] | None = released

    def __del__(self) -> None:
        released = getattr(self, "_released", None)  # None: never made, as in a copy that failed
        if released is not None:
            released.append(self.block)

    @property
    def movable(self) -> bool:
        """Whether everybody who knows of the memory knows it through this buffer."""
        return not getattr(self, "pinned", False) and self.block.arena is None

    def move(self, into: Buffer | Part, start: int) -> None:
        """Lies in another buffer from now on, which it keeps alive; so do all tensors on it and parts of it.

        The caller has issued the copy of the contents, holds the engine's lock and captures no graph.
        """
        if self._released is not None:
            self._released.append(self.block)
        self._released = None
        self._home = into
        self.block, self.segment, self.offset = into.block, into.segment, into.offset + start
        Buffer.moves += 1

    def words(self) -> np.ndarray:
        """The memory as uint32, on a segment that the host can see.  The caller has synchronised."""
        return _words(self)


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

    def words(self) -> np.ndarray:
        """As `Buffer.words`."""
        return _words(self)

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


def _words(buffer: Buffer | Part) -> np.ndarray:
    segment = buffer.segment
    segment.check()
    if segment.words is None:
        raise RuntimeError("this memory is not visible to the host")
    return segment.words[buffer.offset // 4 : (buffer.offset + buffer.nbytes + 3) // 4]


class Pool:
    """Segments of one memory type, with the free lists.

    Args:
        create: makes a Segment of that many bytes, or raises OutOfDeviceMemory.
        segment_bytes: the usual segment size; larger requests get a segment of their own.
        max_bytes: the largest single request that the device can bind.
        serial: gives (submits issued, whether work is noted but not submitted).
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
        self.released: deque[Block] = deque()  # filled by finalizers, in any thread
        self.retired: deque[Arena] = deque()
        self._cache: dict[int, list[Block]] = {}
        self._create, self._serial, self._finished = create, serial, finished
        self._finish, self._purge = finish, purge

    @property
    def reserved(self) -> int:
        """Bytes in segments."""
        return sum(s.nbytes for s in self.segments)

    def alloc(self, nbytes: int, *, clean: bool = False) -> Buffer:
        """A buffer of at least `nbytes`; `clean` if the host is going to write it before the next submit.

        Raises:
            OutOfDeviceMemory: larger than one buffer may be, or than what is left.
        """
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
        if arena is not None:
            planned = Planned(arena, max(size, ALIGN))
            arena.live[planned] = None
            if self.on_alloc is not None:
                self.on_alloc(planned, nbytes, clean)
            buffer = Buffer(planned, self.guard, nbytes, self.released)
            planned.buffer = weakref.ref(buffer)
            return buffer
        block = self._take(size, clean)
        if self.on_alloc is not None:
            self.on_alloc(block, nbytes, clean)
        return Buffer(block, block.offset + self.guard, nbytes, self.released)

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
                    arena.held.append(self._take(size))
                break
            except OutOfDeviceMemory:  # smaller pieces may fit between what others have
                self._free(arena.held)
                arena.held = []
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
        arena.live = {b: None for b in arena.live if not b.freed}
        if self.on_place is not None:
            for block in arena.live:
                self.on_place(block)

    def _take(self, size: int, clean: bool = False) -> Block:
        block = self._cached(size, clean) or self._carved(size, clean)
        self.in_use += block.size
        if self.in_use > self.peak:
            self.peak = self.in_use
        return block

    def _free(self, blocks: list[Block]) -> None:
        """Puts blocks on the free lists; the device may still have to run work on them."""
        issued, pending = self._serial()
        for block in blocks:
            self.in_use -= block.size
            block.freed_at = issued if pending else issued - 1  # the last submit that may use it, counted from 0
            self._cache.setdefault(block.size, []).append(block)

    def collect(self) -> None:
        """Puts the blocks of dropped buffers and graphs on the free lists."""
        while self.retired:
            self._end_arena(self.retired.popleft())
        while self.released:
            block = self.released.popleft()
            if self.on_free is not None:
                self.on_free(block)
            if isinstance(block, Planned) and block.arena is not None:
                block.arena.drop(block)
            else:
                self._free([block])

    def _end_arena(self, arena: Arena) -> None:
        """Results stay, now as blocks like others; what lies between them is free."""
        results = sorted((b for b in arena.live if b.segment is not arena.nowhere), key=lambda b: b.offset)
        for held in arena.held:
            start, stop = held.offset, held.offset + held.size
            inside = [b for b in results if b.segment is held.segment and start <= b.offset < stop]
            for block in inside:
                block.arena = None
            edges = [start, *(edge for b in inside for edge in (b.offset, b.offset + b.size)), stop]
            gaps = [Block(held.segment, a, b - a) for a, b in zip(edges[::2], edges[1::2]) if b > a]
            if self.on_retire is not None:
                for gap in gaps:
                    self.on_retire(gap)
            self._free(gaps)
        arena.held = []
        arena.live = {}

    def cached_blocks(self) -> list[Block]:
        """Every free block that waits for a request of its size."""
        return [b for blocks in self._cache.values() for b in blocks]

    def _cached(self, size: int, clean: bool) -> Block | None:
        blocks = self._cache.get(size)
        if not blocks:
            return None
        if not clean:
            return blocks.pop()
        # The latest clean one: a loop gets the same memory again, and so replays what was recorded for it.
        clean_ones = bisect.bisect_left(blocks, self._finished(), key=lambda b: b.freed_at)
        return blocks.pop(clean_ones - 1) if clean_ones else None

    def _carved(self, size: int, clean: bool) -> Block:
        found = self._from_ranges(size)
        if found is None and self._cache:
            self._coalesce()
            found = self._from_ranges(size)
        if found is None:
            self._grow(size)
            found = self._from_ranges(size)
        if found is None:  # _grow raises or makes room
            raise OutOfDeviceMemory(f"{readable(size)} could not be placed in a new segment")
        segment, offset = found
        if clean and segment.dirty_until >= self._finished():
            try:
                self._finish()
            except BaseException:  # an interrupt, say: the range is nobody's
                segment.give_back(offset, size)
                raise
        return Block(segment, offset, size)

    def _from_ranges(self, size: int) -> tuple[Segment, int] | None:
        for segment in self.segments:
            offset = segment.carve(size)
            if offset is not None:
                return segment, offset
        return None

    def _coalesce(self) -> None:
        for block in self.cached_blocks():
            block.segment.give_back(block.offset, block.size)
            block.segment.dirty_until = max(block.segment.dirty_until, block.freed_at)
        self._cache.clear()

    def _grow(self, size: int) -> None:
        nbytes = self.segment_bytes if size <= self.segment_bytes // 2 else max(size, self.segment_bytes)
        nbytes = min(nbytes, max(self.max_bytes // ALIGN * ALIGN, size))
        try:
            segment = self._create(nbytes)
        except OutOfDeviceMemory:
            self._finish()
            self._coalesce()
            empty = {s for s in self.segments if s.free == [(0, s.nbytes)]}
            self.segments = [s for s in self.segments if s not in empty]
            self._purge(empty)
            segment = self._create(size)
        self.segments.append(segment)
