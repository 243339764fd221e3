"""What depends on the input of a network, with and without a gradient: which memory was computed from it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ... import autograd
from ...autograd import Node, edge_of
from ...grad_mode import tape
from ...runtime.leaving import holding, leaving
from ...runtime.memory import Part
from ...tensor import Tensor

_one_at_a_time = threading.Lock()


class NotFollowed(ValueError):
    """A forward does something that a run on one example can't tell the meaning of."""


class Dependence:
    """The buffers that were written by dispatches which read the input, or what was computed from it.

    Attributes:
        frozen: numbers of the recorded operations that take such a buffer without a gradient.
    """

    def __init__(self, x: Tensor) -> None:
        self._roots: dict[int, Any] = {}  # kept alive, so that their memory and id() stay theirs
        self.frozen: set[int] = set()
        self._hook: list[bool] = []  # whether each hook that is running has read such values
        self._add(x.buffer)

    def _add(self, buffer: Any) -> None:
        root = _root(buffer)
        self._roots[id(root)] = root

    def holds(self, buffer: Any) -> bool:
        """Whether it was computed from the input."""
        return id(_root(buffer)) in self._roots

    def launched(self, bindings: Sequence[Any], buffers: Sequence[Any]) -> None:
        """Follows a dispatch."""
        given = list(zip(bindings, buffers))
        if any(b.reads and self.holds(buffer) for b, buffer in given):
            for b, buffer in given:
                if b.writes:
                    self._add(buffer)

    def recorded(self, node: Node, inputs: Sequence[Tensor]) -> None:
        """Looks at what an operation takes."""
        if any(edge_of(t) is None and self.holds(t.buffer) for t in inputs):
            self.frozen.add(node.number)

    def read(self, buffer: Any) -> None:
        """Refuses values of what depends on the input; those that `set_detect_anomaly` looks at go nowhere.

        Raises:
            NotFollowed: there are such.
        """
        if not self.holds(buffer):
            return
        if self._hook:
            self._hook[-1] = True
            return
        frame: Any = sys._getframe(1)
        while frame is not None:
            if frame.f_code is autograd._has_nan.__code__:
                return
            frame = frame.f_back
        raise NotFollowed(_READS)

    def watched(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """A hook that may look at values, as long as it gives nothing back."""

        def called(*args: Any) -> Any:
            self._hook.append(False)
            try:
                changed = hook(*args)
            finally:
                read = self._hook.pop()
            if read and changed is not None:
                raise NotFollowed(_READS)
            return changed

        return called


_READS = (
    "its forward reads values of what depends on the input (item(), numpy(), an if, a print); they would stay those of "
    "the example that it is converted with; leave that out"
)


def _root(buffer: Any) -> Any:
    while isinstance(buffer, Part):
        buffer = buffer.parent
    return buffer


class followed:
    """Follows what this thread computes from x in the block, whose variable is the Dependence."""

    def __init__(self, x: Tensor) -> None:
        self._engine: Any = x.engine
        self._found = Dependence(x)
        self._held = holding(_one_at_a_time)
        self.left = 0

    def __enter__(self) -> Dependence:
        engine, found, thread = self._engine, self._found, threading.get_ident()

        def issue(pipeline: Any, buffers: Any, arguments: Any, items: int, work: int | None = None) -> None:
            type(engine).issue(engine, pipeline, buffers, arguments, items, work)
            if threading.get_ident() == thread:
                given = [(b, t) for b, t in zip(pipeline.interface.bindings, buffers) if t is not engine.control]
                found.launched(*zip(*given))

        def read(buffer: Any, out: Any) -> Any:
            if threading.get_ident() == thread:
                found.read(buffer)
            return type(engine).read(engine, buffer, out)

        def share(buffer: Any, shape: Any, dtype: Any) -> Any:
            if threading.get_ident() == thread:
                found.read(buffer)
            return type(engine).share(engine, buffer, shape, dtype)

        own, recorded = vars(engine), found.recorded
        self._before = tape.observer
        try:
            next(self._held)
            own |= {"issue": issue, "read": read, "share": share}
            tape.observer = recorded
        except BaseException:
            self._held.close()
            raise
        return found

    @leaving
    def __exit__(self, *error: object) -> None:
        tape.observer = self._before
        own = vars(self._engine)
        for name in ("issue", "read", "share"):
            own.pop(name, None)
        self.left += 1  # before the next block may begin
        self._held.close()
