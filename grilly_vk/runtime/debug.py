"""GRILLY_VK_DEBUG=1: guard words around every allocation and NaN in freed memory, checked at every sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .kernels import Pipeline
from .memory import ALIGN, Block, Buffer, Pool, Segment

GUARD = 0xFFC5AFE5  # both patterns are NaN as float32
POISON = 0x7FC0DEAD


class _Span:
    """A range of a segment, dressed as a buffer for launches."""

    __slots__ = ("block", "nbytes", "offset", "segment", "version")

    def __init__(self, block: Block, offset: int, nbytes: int) -> None:
        self.block = block
        self.version = [0]
        self.segment: Segment = block.segment
        self.offset = offset
        self.nbytes = nbytes

    @property
    def buffer(self) -> _Span:
        """As `Buffer.buffer`."""
        return self


class Guards:
    """Hooks into the device pool of an engine; see the module's text.

    Args:
        pool: of device memory.
        control: the control block, which any number of bindings may share.
        launch, finish, outside_capture: of the engine and its stream.
        stage: gives memory that the host sees.
    """

    def __init__(
        self,
        pool: Pool,
        control: Buffer,
        launch: Callable[..., None],
        finish: Callable[[], object],
        outside_capture: Callable[[], AbstractContextManager[Any]],
        stage: Callable[[int], Buffer],
    ) -> None:
        self._pool, self._control = pool, control
        self._launch, self._finish, self._outside_capture, self._stage = launch, finish, outside_capture, stage
        self._live: dict[int, tuple[Block, int]] = {}
        pool.guard = ALIGN
        pool.on_alloc = self._allocated
        pool.on_free = self._freed
        pool.on_place = self._placed
        pool.on_retire = self._poison

    def verify(self) -> None:
        """Checks all guards and all poison.

        Raises:
            RuntimeError: a kernel or the host wrote outside its memory, or after freeing it.
        """
        for block, nbytes in self._live.values():
            if block.segment.tensor is None:
                continue  # of a capture that failed
            end = block.offset + ALIGN + (nbytes + 3) // 4 * 4
            for what, start, stop in (
                ("before", block.offset, block.offset + ALIGN),
                ("after", end, block.offset + block.size),
            ):
                self._expect(block, start, stop, GUARD, f"something wrote {what} a tensor of {nbytes} bytes")
        for block in self._pool.cached_blocks():
            self._expect(
                block, block.offset, block.offset + block.size, POISON, "something wrote into memory after it was freed"
            )

    def apart(self, pipeline: Pipeline, buffers: Sequence[Any]) -> None:
        """Checks that what a dispatch writes is bound once: compilers assume so, and the order is nobody's.

        Raises:
            RuntimeError: two bindings have memory in common, and one of them is written.
        """
        bindings = pipeline.interface.bindings
        for i, (own, mine) in enumerate(zip(bindings, buffers)):
            if not own.writes or mine is self._control:
                continue
            for j, (other, theirs) in enumerate(zip(bindings, buffers)):
                if (
                    (j < i or not other.writes) and i != j and mine.segment is theirs.segment
                    and mine.block is theirs.block
                    and mine.offset < theirs.offset + theirs.nbytes and theirs.offset < mine.offset + mine.nbytes
                ):  # fmt: skip
                    raise RuntimeError(
                        f"GRILLY_VK_DEBUG: kernel {pipeline.name!r} writes {own.name!r}, which has memory in common "
                        f"with {other.name!r}"
                    )

    def reaches(self, kernel: str, bindings: Sequence[str], buffers: Sequence[Any], extents: Mapping[str, int]) -> None:
        """Checks that a kernel's numbers stay within its buffers, before it is issued.

        Raises:
            RuntimeError: it would read or write beyond one.
        """
        for name, buffer in zip(bindings, buffers):
            wanted = 4 * extents.get(name, 0)
            if wanted > buffer.nbytes:
                raise RuntimeError(
                    f"GRILLY_VK_DEBUG: {kernel} would reach {wanted} bytes of {name!r}, which has {buffer.nbytes}"
                )

    def _expect(self, block: Block, start: int, stop: int, bits: int, problem: str) -> None:
        words = self._words(_Span(block, start, stop - start))
        wrong = np.flatnonzero(words != bits)
        if wrong.size:
            where = start + 4 * int(wrong[0])
            raise RuntimeError(
                f"GRILLY_VK_DEBUG: {problem} (segment {block.segment.number}, byte {where}: "
                f"{int(words[wrong[0]]):#010x} in place of {bits:#010x})"
            )

    def _words(self, span: _Span) -> np.ndarray:
        if span.segment.words is not None:
            return span.segment.words[span.offset // 4 : (span.offset + span.nbytes) // 4]
        staged = self._stage(span.nbytes)
        self._launch("copy", span.nbytes // 4, src=span, dst=staged, n=span.nbytes // 4)
        self._finish()
        return staged.words()

    def _allocated(self, block: Block, nbytes: int, clean: bool) -> None:
        self._fill(block, block.offset, block.size, GUARD, clean)
        if not clean:
            self._fill(block, block.offset + ALIGN, (nbytes + 3) // 4 * 4, POISON, False)
        self._live[id(block)] = (block, nbytes)  # last: an interrupt before leaves no block that is checked in vain

    def _placed(self, block: Block) -> None:
        """Guards hold before the first replay too; each replay renews them."""
        self._fill(block, block.offset, block.size, GUARD, False)

    def _freed(self, block: Block) -> None:
        known = id(block) in self._live
        if block.arena is not None and block.arena is self._pool.arena:
            if known:
                self._fill(block, block.offset, block.size, POISON, False)
        elif block.segment.tensor is not None and (known or block.arena is None):
            self._poison(block)  # also where an interrupt came between the guards and the note of them
        self._live.pop(id(block), None)  # last: after an interrupt the pool asks again

    def _poison(self, block: Block) -> None:
        with self._outside_capture():
            self._fill(block, block.offset, block.size, POISON, False)

    def _fill(self, block: Block, offset: int, nbytes: int, bits: int, clean: bool) -> None:
        words = block.segment.words
        if clean and words is not None:
            words[offset // 4 : (offset + nbytes) // 4] = bits
        elif nbytes:
            self._launch("fill", nbytes // 4, dst=_Span(block, offset, nbytes), n=nbytes // 4, bits=bits)
