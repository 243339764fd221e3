"""What a captured graph takes for granted about tensors, optimizers and settings, and what its replays leave there.

The dispatches of a graph are fixed.  They follow from where tensors lay, which of them wanted gradients and had one,
how an optimizer's groups were cut, and which settings modules had, when the graph was captured; so each replay checks
that all this still holds.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import Any

from .memory import Arena, Block, Buffer

assignments = [0]  # to settings of any object that was made before


class _Leaf:
    """A tensor that was there before the capture, as the capture met it first."""

    __slots__ = ("block", "depends", "gradient", "made", "starts", "tensor", "wants", "writes")

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor  # from `close` on a weak reference
        self.block = tensor.buffer.block
        self.wants = tensor.requires_grad
        self.gradient = _memory_of_gradient(tensor)
        self.depends = False  # on whether and where there is a gradient: read before it was set inside
        self.writes = False
        self.made: Any = None  # the gradient that the capture left
        self.starts: list[Any] = []  # what a replay may find: where the gradient lies, or None


def _memory_of_gradient(tensor: Any) -> Any:
    gradient = tensor._grad
    return None if gradient is None else gradient.buffer


class Assumptions:
    """Kept by a Capture and then by its Graph; tensors and optimizers report to it while they are captured."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._met: dict[int, _Leaf] = {}
        self._own: set[int] = set()
        self._leaves: list[_Leaf] = []
        self._counters: list[tuple[list[int], int, str]] = []
        self._places: list[tuple[Any, Block]] = []  # memory that was there before the capture
        self._moves = 0
        self._versions: dict[int, list[int]] = {}
        self._settings: dict[int, tuple[Any, Any, str]] = {}
        self._assignments = -1  # where `assignments` stood when the settings were compared last

    # ---- while the graph is captured ----

    def owns(self, tensors: Any) -> None:
        """These tensors belong to the graph's owner alone, who sets them up as they were."""
        self._own |= {id(t) for t in tensors}

    def meet(self, tensor: Any) -> _Leaf | None:
        """Notes a tensor before it is used; None for one that was made inside."""
        found = self._met.get(id(tensor))
        if found is not None or id(tensor) in self._own:
            return found
        if tensor.node is not None or tensor.buffer.block.arena is self._arena:
            return None
        found = self._met[id(tensor)] = _Leaf(tensor)
        return found

    def reads_gradient(self, tensor: Any) -> None:
        """`.grad` was asked for."""
        leaf = self.meet(tensor)
        if leaf is not None and not leaf.writes:
            leaf.depends = True

    def writes_gradient(self, tensor: Any) -> None:
        """`.grad` is about to be set."""
        leaf = self.meet(tensor)
        if leaf is not None:
            leaf.writes = True

    def counts(self, counter: list[int], what: str) -> None:
        """The graph holds as long as this counter stands where it stands now."""
        self._counters.append((counter, counter[0], what))

    def changes(self, version: list[int]) -> None:
        """Each replay changes, or makes anew, the memory with this version."""
        self._versions[id(version)] = version

    def holds(self, owner: Any, now: Any, value: Any) -> None:
        """The graph holds as long as `now()()`, of a weak reference to a method, gives what it gave first."""
        found = self._settings.get(id(owner))
        if found is None or found[0]() is None:
            self._settings[id(owner)] = now, value, type(owner).__name__

    def close(self, kept: Iterable[Any]) -> None:
        """The capture is over, of dispatches on these buffers among others: holds on to no tensor any more."""
        self._places = [(buffer, buffer.block) for buffer in kept]
        self._moves = Buffer.moves
        for leaf in self._met.values():
            leaf.starts = [leaf.gradient]
            if leaf.writes:
                leaf.made = leaf.tensor._grad
                if leaf.gradient is None:  # then each replay makes it afresh, where the one before left it
                    leaf.starts.append(_memory_of_gradient(leaf.tensor))
            leaf.tensor = weakref.ref(leaf.tensor)
        # What the captured code itself sets back, or on, is its own affair.
        self._settings = {k: v for k, v in self._settings.items() if (now := v[0]()) is not None and now() == v[1]}
        self._assignments = assignments[0]
        self._leaves = list(self._met.values())
        self._met = {}
        # Of memory that nobody else holds (what is left are the dict and getrefcount), nobody asks the version.
        self._versions = {k: v for k, v in self._versions.items() if sys.getrefcount(v) > _HELD_HERE}

    # ---- at a replay ----

    def broken(self) -> str | None:
        """What has changed since the capture, if anything that matters has."""
        for counter, value, what in self._counters:
            if counter[0] != value:
                return what
        if self._moves != Buffer.moves:
            tensors = [(leaf.tensor(), leaf.block) for leaf in self._leaves]
            for tensor, block in tensors:
                if tensor is not None and tensor.buffer.block is not block:
                    return f"a tensor of shape {tensor.shape} was moved to other memory (by an optimizer)"
            if any(buffer.block is not block for buffer, block in self._places):
                return "a tensor was moved to other memory (by an optimizer)"
            self._moves = Buffer.moves
        for leaf in self._leaves:
            tensor = leaf.tensor()
            if tensor is None:
                continue
            if tensor.requires_grad is not leaf.wants:
                return f"requires_grad of a tensor of shape {tensor.shape} was changed"
            if leaf.depends and _memory_of_gradient(tensor) not in leaf.starts:
                return f"the gradient of a tensor of shape {tensor.shape} was set or dropped"
        if self._assignments != assignments[0]:
            for method, value, name in self._settings.values():
                now = method()
                if now is not None and now() != value:
                    return f"a setting of {name} was changed"
            self._assignments = assignments[0]
        return None

    def replayed(self) -> None:
        """Gradients are set as the captured code set them, and in-place changes are counted."""
        for leaf in self._leaves:
            if leaf.writes:
                tensor = leaf.tensor()
                if tensor is not None:
                    tensor._grad = leaf.made
        for version in self._versions.values():
            version[0] += 1


def _held_here() -> int:
    """What getrefcount says in `close` of a list that only the dict holds."""
    versions: dict[int, list[int]] = {0: [0]}
    return next(iter([sys.getrefcount(v) for _, v in versions.items()]))


_HELD_HERE = _held_here()
