"""What a graph collects while it is recorded."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .assumptions import Assumptions
from .kernels import Pipeline, Program
from .memory import Arena, Block, Buffer, Planned

if TYPE_CHECKING:
    from . import kp


class Capture:
    """Dispatches, and the memory that must outlive it."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.graph: Any = None  # while its block runs
        self.assumptions = Assumptions(arena)
        self.calls: list[tuple[Pipeline, int, bytes, tuple[Block, ...]]] = []
        self.work: list[int] = []
        self.keep: dict[int, Buffer] = {}
        self.draws = 0
        # Where set: ids of the tensors whose gradients start inside; backward refuses to add to any other's.
        self.cleared: set[int] | None = None
        self.called: list[weakref.ref[Any]] = []  # the modules that were called inside
        self.begun: dict[int, Any] = {}  # the modules whose state starts inside, by id
        self.left: list[weakref.WeakMethod[Any]] = []  # what is to be recorded last
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

    def entries(self, device: kp.Device) -> Iterator[tuple[Program, bytes]]:
        """The dispatches, as a stream takes them, once the graph's own blocks are placed."""
        for pipeline, groups, push, blocks in self.calls:
            program = pipeline.program(device, tuple([b.segment for b in blocks]), groups)
            yield program, pipeline.moved(push, [b.offset if b.arena is self.arena else 0 for b in blocks])
