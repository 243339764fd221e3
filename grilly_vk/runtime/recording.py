"""Recording: what tensors, modules and optimizers tell the graph that is being captured.

They say what they use and what they change, whose state begins inside, and who can't be part of a graph refuses.
`captures` holds the captures that are open, on whatever device.  While it is empty there is nobody to tell: code that
runs at every call looks at it before it calls a verb.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import current
from .assumptions import Assumptions, assignments
from .engine import Engine
from .kernels import Pipeline
from .memory import Arena, Block, Buffer, Planned
from .stream import Entry

if TYPE_CHECKING:
    from . import kp

__all__ = [
    "Capture", "adds_to_gradient", "assignments", "begins", "called", "captures", "changed", "changed_gradient",
    "recording", "refuse", "used", "used_counter", "used_gradient", "used_settings",
]  # fmt: skip


class Capture:
    """What a graph collects while it is recorded: dispatches, and the memory that must outlive it."""

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

    def entries(self, device: kp.Device) -> Iterator[Entry]:
        """The dispatches, once the graph's own blocks are placed."""
        for pipeline, groups, push, blocks in self.calls:
            program = pipeline.program(device, tuple([b.segment for b in blocks]), groups)
            yield program, pipeline.moved(push, [b.offset if b.arena is self.arena else 0 for b in blocks])


captures: dict[Capture, None] = {}  # that are open


def _capture_of(engine: Engine | None) -> Capture | None:
    if not captures:
        return None
    return (engine or current.engine()).stream.capture


def recording(engine: Engine | None = None) -> bool:
    """Whether what is issued on this engine (None: the one in use) goes into a graph."""
    return _capture_of(engine) is not None


def refuse(why: str, engine: Engine | None = None) -> None:
    """For what can't be part of a graph.

    Raises:
        RuntimeError: with this text, if one is being captured.
    """
    if recording(engine):
        raise RuntimeError(why)


# ---- what the graph depends on ----


def used(tensor: Any) -> None:
    """A tensor is about to be used: a replay needs it where it lies, and as it is."""
    capture = tensor.engine.stream.capture
    if capture is not None:
        capture.assumptions.meet(tensor)


def used_gradient(tensor: Any) -> None:
    """`.grad` of a tensor was asked for."""
    capture = tensor.engine.stream.capture
    if capture is not None:
        capture.assumptions.reads_gradient(tensor)


def used_settings(owner: Any, now: Callable[[], Any]) -> None:
    """The graph holds as long as `now()` gives what it gives here.

    Args:
        owner: whose settings they are; held weakly.
        now: a bound method of it without arguments.
    """
    capture = _capture_of(None)
    if capture is not None:
        capture.assumptions.holds(owner, weakref.WeakMethod(now), now())


def used_counter(engine: Engine, counter: list[int], what: str) -> None:
    """The graph holds as long as this counter stands where it stands now; `what` says what it counts."""
    capture = engine.stream.capture
    if capture is not None:
        capture.assumptions.counts(counter, what)


def called(module: Any) -> None:
    """A module is called; the graph holds as long as its settings, `held()`, stay."""
    capture = _capture_of(None)
    if capture is not None:
        capture.called.append(weakref.ref(module))
        used_settings(module, module.held)


# ---- what its replays change ----


def changed(tensor: Any) -> None:
    """Memory was changed in place: each replay does so again."""
    capture = tensor.engine.stream.capture
    if capture is not None:
        capture.assumptions.changes(tensor.buffer.version)


def changed_gradient(tensor: Any, value: Any) -> None:
    """`.grad` of a tensor is about to be set."""
    capture = tensor.engine.stream.capture
    if capture is not None:
        capture.assumptions.writes_gradient(tensor)
        if value is None and capture.cleared is not None:
            capture.cleared.add(id(tensor))


def adds_to_gradient(leaf: Any) -> None:
    """`backward` is about to add to `.grad` of a leaf.

    Raises:
        RuntimeError: in a compiled function, to one that a former call left, which replays could not do.
    """
    capture = leaf.engine.stream.capture
    if capture is None or capture.cleared is None or id(leaf) in capture.cleared:
        return
    home = getattr(leaf, "home", None)
    in_place = leaf.grad is not None and home is not None and leaf.grad.buffer is home.buffer
    if not in_place and leaf.buffer.block.arena is not capture.arena:
        raise RuntimeError(
            f"a compiled function adds to the gradient of a tensor of shape {leaf.shape} from before the call; "
            "clear it inside, with zero_grad() or .grad = None"
        )


def begins(module: Any, check: Callable[[bool], None] | None = None) -> None:
    """The state of a module begins inside the graph, if it has not begun already.

    Args:
        check: raises where the state would cross the graph's border, which replays could not carry it over; called now
            with False, and with True at the end of the capture.  None: the state was just set to its first values.
    """
    capture = _capture_of(None)
    if capture is None or (check is not None and id(module) in capture.begun):
        return
    if check is not None:
        check(False)
        capture.at_end.append(functools.partial(check, True))
    capture.begun[id(module)] = module
