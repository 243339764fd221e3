"""Recording: what tensors, modules and optimizers tell the graph that is being captured.

They say what they use and what they change, whose state begins inside, and who can't be part of a graph refuses.
`captures` holds the captures that are open, on whatever device.  While it is empty there is nobody to tell: code that
runs at every call looks at it before it calls a verb.  A graph hears of what its own thread does and of nothing else.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

from . import current
from .assumptions import assignments
from .captured import Capture
from .engine import Engine

__all__ = [
    "Capture", "adds_to_gradient", "assignments", "begins", "called", "captures", "changed", "changed_gradient",
    "leaves", "recording", "refuse", "used", "used_counter", "used_gradient", "used_settings",
]  # fmt: skip


captures: dict[Capture, int] = {}  # that are open, with their threads


def _capture_of(engine: Engine | None) -> Capture | None:
    if not captures:
        return None
    capture = (engine or current.engine()).stream.capture
    return capture if capture is not None and captures.get(capture) == threading.get_ident() else None


def recording(engine: Engine | None = None) -> bool:
    """Whether what this thread issues on this engine (None: the one in use) goes into a graph."""
    return _capture_of(engine) is not None


def refuse(why: str, engine: Engine | None = None) -> None:
    """For what can't be part of a graph.

    Raises:
        RuntimeError: with this text, if one is being captured.
    """
    if recording(engine):
        raise RuntimeError(why)


def leaves(method: Callable[[], None]) -> bool:
    """Whether a graph is being captured, which then calls this bound method before it ends, if its object still is."""
    capture = _capture_of(None)
    if capture is not None:
        capture.left.append(weakref.WeakMethod(method))
    return capture is not None


# ---- what the graph depends on ----


def used(tensor: Any) -> None:
    """A tensor is about to be used: a replay needs it where it lies, and as it is."""
    capture = _capture_of(tensor.engine)
    if capture is not None:
        capture.assumptions.meet(tensor)


def used_gradient(tensor: Any) -> None:
    """`.grad` of a tensor was asked for."""
    capture = _capture_of(tensor.engine)
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
    capture = _capture_of(engine)
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
    capture = _capture_of(tensor.engine)
    if capture is not None:
        capture.assumptions.changes(tensor.buffer.version)


def changed_gradient(tensor: Any, value: Any) -> None:
    """`.grad` of a tensor is about to be set."""
    capture = _capture_of(tensor.engine)
    if capture is not None:
        capture.assumptions.writes_gradient(tensor)
        if value is None and capture.cleared is not None:
            capture.cleared.add(id(tensor))


def adds_to_gradient(leaf: Any) -> None:
    """`backward` is about to add to `.grad` of a leaf.

    Raises:
        RuntimeError: in a compiled function, to one that a former call left, which replays could not do.
    """
    capture = _capture_of(leaf.engine)
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
