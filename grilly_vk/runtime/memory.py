"""Device memory: a few large segments, and blocks handed out of them.

A segment is one Kompute tensor; a block is (segment, offset, size), 256-byte aligned.  Freed blocks wait in
exact-size lists, so that a program that repeats itself allocates nothing.  Device work runs in recording
order, so a block may be handed to later device work at once; the host writes immediately, so it only gets a
block whose former users have run ("clean").
"""

from __future__ import annotations

import bisect
import functools
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import OutOfDeviceMemory

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
        self.owner = owner  # the kp.Manager: when it goes, the memory goes, even under numpy's windows
        self.tensor = tensor
        self.nbytes = nbytes
        self.words = words  # uint32 view of the memory; None where the host can't see it
        self.free: list[tuple[int, int]] = [(0, nbytes)]  # (offset, size), by offset
        self.dirty_until = -1  # submits after which the free ranges are unused by recorded work

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


class Arena:
    """The memory of one captured graph: reused inside the graph, by nobody else while the graph lives."""

    __slots__ = ("alive", "cache")

    def __init__(self) -> None:
        self.cache: dict[int, list[Block]] = {}
        self.alive = True

    def carve(self, size: int) -> Block | None:
        """A block of the tightest run of free neighbours that has room; what is left of the run stays free.

        A graph keeps its memory, so it pays to look: sizes that come one after the other share it.
        """
        free = sorted((b for blocks in self.cache.values() for b in blocks), key=lambda b: (b.segment.number, b.offset))
        runs: list[list[Block]] = []
        for block in free:
            last = runs[-1][-1] if runs else None
            if last is not None and last.segment is block.segment and last.offset + last.size == block.offset:
                runs[-1].append(block)
            else:
                runs.append([block])
        sized = [(sum(b.size for b in run), run) for run in runs]
        room, run = min((r for r in sized if r[0] >= size), key=lambda r: r[0], default=(0, []))
        if not run:
            return None
        for block in run:
            self.cache[block.size].remove(block)
        made = Block(run[0].segment, run[0].offset, size)
        made.arena = self
        if room > size:
            rest = Block(made.segment, made.offset + size, room - size)
            rest.arena = self
            self.cache.setdefault(rest.size, []).append(rest)
        return made


class Buffer:
    """A live allocation.  Dropping the last reference frees it, from any thread.

    `version` is a list of one number that in-place changes count up; whoever shares the memory shares the list.
    """

    __slots__ = ("_released", "block", "nbytes", "offset", "segment", "version")

    def __init__(self, block: Block, offset: int, nbytes: int, released: deque[Block]) -> None:
        self.block = block
        self.segment = block.segment
        self.offset = offset  # bytes into the segment
        self.nbytes = nbytes
        self.version = [0]
        self._released = released

    def __del__(self) -> None:
        released = getattr(self, "_released", None)  # None: never made, as in a copy that failed
        if released is not None:
            released.append(self.block)

    def words(self) -> np.ndarray:
        """The memory as uint32, on a segment that the host can see.  The caller has synchronised."""
        words = self.segment.words
        if words is None:
            raise RuntimeError("this memory is not visible to the host")
        return words[self.offset // 4 : (self.offset + self.nbytes + 3) // 4]


class Part:
    """A stretch of a buffer, for kernels that work on some of the steps.  Keeps the buffer alive."""

    __slots__ = ("block", "nbytes", "offset", "parent", "segment", "version")

    def __init__(self, parent: Buffer | Part, start: int, nbytes: int) -> None:
        self.parent = parent
        self.block: Block = parent.block
        self.segment: Segment = parent.segment
        self.offset: int = parent.offset + start
        self.nbytes = nbytes
        self.version: list[int] = parent.version

    def words(self) -> np.ndarray:
        """As `Buffer.words`."""
        words = self.segment.words
        if words is None:
            raise RuntimeError("this memory is not visible to the host")
        return words[self.offset // 4 : (self.offset + self.nbytes + 3) // 4]


class Pool:
    """Segments of one memory type, with the free lists.

    Args:
        create: makes a Segment of that many bytes, or raises OutOfDeviceMemory.
        segment_bytes: the usual segment size; larger requests get a segment of their own.
        max_bytes: the largest single request that the device can bind.
        serial: gives (submits done, whether work is recorded but not submitted).
        flush: submits and waits.
        purge: lets go of everything that keeps unused segments alive.
    """

    def __init__(
        self,
        create: Callable[[int], Segment],
        segment_bytes: int,
        max_bytes: int,
        serial: Callable[[], tuple[int, bool]],
        flush: Callable[[], None],
        purge: Callable[[set[Segment]], None],
    ) -> None:
        self.segments: list[Segment] = []
        self.segment_bytes = segment_bytes
        self.max_bytes = max_bytes
        self.arena: Arena | None = None  # set while a graph is captured
        self.guard = 0  # bytes kept on either side of an allocation, for the debug mode
        self.on_alloc: Callable[[Block, int, bool], None] | None = None
        self.on_free: Callable[[Block], None] | None = None
        self.on_retire: Callable[[Block], None] | None = None  # a free block that a dropped graph owned
        self.in_use = self.peak = self.allocations = 0
        self.released: deque[Block] = deque()  # filled by finalizers, in any thread
        self.retired: deque[Arena] = deque()
        self._cache: dict[int, list[Block]] = {}
        self._create, self._serial, self._flush, self._purge = create, serial, flush, purge

    @property
    def reserved(self) -> int:
        """Bytes in segments."""
        return sum(s.nbytes for s in self.segments)

    def alloc(self, nbytes: int, *, clean: bool = False) -> Buffer:
        """A buffer of at least `nbytes`; `clean` if the host is going to write it before the next submit.

        Raises:
            OutOfDeviceMemory: larger than one buffer may be, or than what is left.
        """
        size = rounded(nbytes + 2 * self.guard)
        if size > self.max_bytes:
            size = -(-(nbytes + 2 * self.guard) // ALIGN) * ALIGN
        if size > self.max_bytes:
            raise OutOfDeviceMemory(
                f"one tensor of {readable(nbytes)} was asked for; this device binds at most {readable(self.max_bytes)}"
            )
        if self.released or self.retired:
            self.collect()
        block = self._cached(size, clean) or self._carved(size, clean)
        self.allocations += 1
        self.in_use += block.size
        if self.in_use > self.peak:
            self.peak = self.in_use
        if self.on_alloc is not None:
            self.on_alloc(block, nbytes, clean)
        return Buffer(block, block.offset + self.guard, nbytes, self.released)

    def collect(self) -> None:
        """Puts the blocks of dropped buffers and graphs on the free lists."""
        while self.retired:
            self._end_arena(self.retired.popleft())
        while self.released:
            block = self.released.popleft()
            self.in_use -= block.size
            if self.on_free is not None:
                self.on_free(block)
            done, pending = self._serial()  # after on_free, which may issue work on the block
            block.freed_at = done if pending else done - 1
            arena = block.arena
            if arena is not None and arena.alive:
                cache = arena.cache
            else:
                block.arena = None
                cache = self._cache
            waiting = cache.get(block.size)
            if waiting is None:
                cache[block.size] = [block]
            else:
                waiting.append(block)

    def _end_arena(self, arena: Arena) -> None:
        arena.alive = False
        for size, blocks in arena.cache.items():
            for block in blocks:
                block.arena = None
                if self.on_retire is not None:
                    self.on_retire(block)
                block.freed_at = self._serial()[0]
            self._cache.setdefault(size, []).extend(blocks)
        arena.cache.clear()

    def cached_blocks(self) -> list[Block]:
        """Every free block that waits for a request of its size."""
        return [b for blocks in self._cache.values() for b in blocks]

    def _cached(self, size: int, clean: bool) -> Block | None:
        if self.arena is not None and not clean:
            blocks = self.arena.cache.get(size)
            if blocks:
                return blocks.pop()
            found = None if self.guard else self.arena.carve(size)  # guards know blocks as they were handed out
            if found is not None:
                return found
        blocks = self._cache.get(size)
        if not blocks:
            return None
        if not clean:
            block = blocks.pop()
            block.arena = self.arena
            return block
        # The latest clean one: a loop gets the same memory again, and so replays what was recorded for it.
        clean_ones = bisect.bisect_left(blocks, self._serial()[0], key=lambda b: b.freed_at)
        return blocks.pop(clean_ones - 1) if clean_ones else None

    def _owned(self, block: Block) -> Block:
        block.arena = self.arena
        return block

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
        if clean and segment.dirty_until >= self._serial()[0]:
            self._flush()
        block = Block(segment, offset, size)
        return block if clean else self._owned(block)

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
            self._flush()
            self._coalesce()
            empty = {s for s in self.segments if s.free == [(0, s.nbytes)]}
            self.segments = [s for s in self.segments if s not in empty]
            self._purge(empty)
            segment = self._create(size)
        self.segments.append(segment)
