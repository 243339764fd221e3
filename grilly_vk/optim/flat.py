"""Parameters, gradients and state of an optimizer's group in flat device memory, one dispatch per group.

An optimizer moves its parameters' memory into one flat buffer per group (several, where a group is larger than the
device binds), and all tensors on that memory with it; a parameter that can't be moved is copied in before a step and
back after it.  Backward adds their gradients up in a second one, and a third holds the state.  Parameters that get no
gradient are skipped with their count, as in PyTorch: from the first step in which only some of a group have gradients,
these stretches take a dispatch each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..nn.parameter import Parameter
from ..runtime.kernel import Kernel
from ..runtime.memory import Buffer, Part
from ..runtime.plain import COPY
from ..runtime.recording import refuse
from ..tensor import Tensor, full

NUMBERS = 16  # words of control before the counts of steps (shaders/include/optim.glsl)
_MAX_GROUPS = 4096  # workgroups, each with a count of its own


class Stretch:
    """Neighbours among a flat buffer's parameters that took the same steps: one dispatch."""

    def __init__(self, flat: Flat, first: int, last: int) -> None:
        self.first, self.last = first, last
        start = flat.starts[first]
        stop = flat.starts[last] if last < len(flat.params) else flat.n
        self.n = (stop - start) // 4
        self.groups = max(1, min(_MAX_GROUPS, -(-self.n // 64)))
        self.param = Part(flat.values.buffer, 4 * start, 4 * (stop - start))
        self.grad = Part(flat.gradients.buffer, 4 * start, 4 * (stop - start))
        # From plane 0 of the first parameter to the last plane of the last one.
        self.state = None
        if flat.planes:
            words = (flat.planes - 1) * flat.n + stop - start
            self.state = Part(flat.state.buffer, 4 * start, 4 * words)
        self.control = full((NUMBERS + self.groups,), 0, np.uint32, on=flat.engine)

    @property
    def counts(self) -> Tensor:
        """The count of steps, once for each workgroup."""
        return self.control._rows(NUMBERS, NUMBERS + self.groups)


class Flat:
    """Some parameters in one buffer each for values, gradients and state, every one at a multiple of 16 bytes.

    A `guest` stays where it is, since others know its memory by its place: alone here, copied in and back by a step.
    """

    def __init__(self, params: list[Tensor], planes: int, guest: bool) -> None:
        self.params, self.planes, self.guest = params, planes, guest
        self.away: list[int] = []  # which of them are elsewhere at this step
        self.engine = params[0].engine
        self.starts: list[int] = []
        n = 0
        for p in params:
            self.starts.append(n)
            n += padded(p)
        self.n = n
        self.values = full((n,), 0.0, on=self.engine)
        self.gradients = full((n,), 0.0, on=self.engine)
        self.state = full((planes * n,), 0.0, on=self.engine)
        self.homes = [
            Tensor(_own_version(self.gradients.buffer, 4 * s, p.nbytes), p.shape, p.dtype, self.engine)
            for s, p in zip(self.starts, params)
        ]
        self.stretches = [Stretch(self, 0, len(params))]
        self.cuts = [0]  # counts how often the stretches were cut anew

    def adopt(self, i: int) -> None:
        """Brings a parameter in here, with its values and all who share its memory."""
        with self.engine.lock:
            COPY(src=self.params[i], dst=self.place(i), n=self.params[i].count)
            self.move(i)

    def move(self, i: int) -> None:
        """Lets a parameter lie here, whose values are here already."""
        p = self.params[i]
        with self.engine.lock:
            if not self.guest and isinstance(p.buffer, Buffer):
                p.buffer.move(self.values.buffer, 4 * self.starts[i])
        if isinstance(p, Parameter):
            p.home = self.homes[i]

    def place(self, i: int) -> Tensor:
        """Where the values of a parameter belong."""
        p = self.params[i]
        return Tensor(Part(self.values.buffer, 4 * self.starts[i], p.nbytes), p.shape, p.dtype, self.engine)

    def numbered(self, numbers: list[float], stretches: list[Stretch]) -> list[tuple[Tensor, Any]]:
        """What puts the group's numbers into device memory."""
        words = np.zeros(NUMBERS, np.float32)
        with np.errstate(over="ignore"):
            words[: len(numbers)] = numbers
        return [(stretch.control._rows(0, NUMBERS), words.view(np.uint32)) for stretch in stretches]

    def gather(self) -> list[bool]:
        """Brings parameters and gradients that are elsewhere in here; which parameters have gradients."""
        present = []
        block = self.values.buffer.block
        self.away = []
        for i, p in enumerate(self.params):
            if p.buffer.block is not block:
                if self.guest or not movable(p):
                    self.away.append(i)
                else:
                    refuse(
                        "a parameter was moved (by another optimizer?) since the last step, and that can't be put "
                        "right inside a captured graph; run one step before",
                        self.engine,
                    )
                    self.adopt(i)
            gradient = p.grad
            if gradient is None:
                present.append(False)
                continue
            if gradient.buffer is not self.homes[i].buffer:
                if gradient.shape != p.shape or gradient.dtype != np.float32:
                    raise ValueError(
                        f"a gradient has shape {gradient.shape} and dtype {gradient.dtype}; expected {p.shape}, float32"
                    )
                COPY(src=gradient, dst=self.homes[i], n=gradient.count)
            present.append(True)
        return present

    def split(self, present: list[bool]) -> None:
        """Cuts stretches in which only some take this step; their numbers and counts go with them."""
        out: list[Stretch] = []
        for old in self.stretches:
            cuts = [i for i in range(old.first + 1, old.last) if present[i] != present[i - 1]]
            edges = [old.first, *cuts, old.last]
            if len(edges) == 2:
                out.append(old)
                continue
            with self.engine.lock, self.engine.outside_capture():
                for first, last in pairwise(edges):
                    new = Stretch(self, first, last)
                    COPY(src=old.control, dst=new.control, n=new.control.count)
                    out.append(new)
        if len(out) != len(self.stretches):
            self.become(out)

    def step(self, kernel: Kernel, constants: dict[str, Any]) -> None:
        """One dispatch for each stretch that has gradients."""
        present = self.gather()
        if not all(present):
            if not any(present):
                return
            self.split(present)
        away = [i for i in self.away if present[i]]
        for i in away:
            COPY(src=self.params[i], dst=self.place(i), n=self.params[i].count)
        for s in self.stretches:
            if present[s.first]:
                kernel(
                    param=s.param, grad=s.grad, state=s.state, control=s.control, n=s.n, whole=self.n // 4,
                    groups=s.groups, work=4 * s.n, **constants,
                )  # fmt: skip
        for i in away:
            COPY(src=self.place(i), dst=self.params[i], n=self.params[i].count)
        for p, moved in zip(self.params, present):
            if moved:
                p.version += 1

    def plane(self, k: int, i: int) -> Tensor:
        """State `k` of parameter i, sharing the memory."""
        p = self.params[i]
        part = Part(self.state.buffer, 4 * (k * self.n + self.starts[i]), p.nbytes)
        return Tensor(part, p.shape, p.dtype, self.engine)

    def counts(self) -> list[int]:
        """Steps that each parameter took."""
        out: list[int] = []
        for s in self.stretches:
            out += [int(s.counts.numpy()[0])] * (s.last - s.first)
        return out

    def cut_by(self, counts: list[int]) -> list[Stretch]:
        """Stretches for parameters that have taken so many steps: the own ones if they fit, else new ones."""
        edges = [0, *(i for i in range(1, len(counts)) if counts[i] != counts[i - 1]), len(counts)]
        spans = list(pairwise(edges))
        if spans == [(s.first, s.last) for s in self.stretches]:  # captured graphs hold on to them
            return self.stretches
        return [Stretch(self, a, b) for a, b in spans]

    def become(self, stretches: list[Stretch]) -> None:
        """Takes the stretches over."""
        if stretches is not self.stretches:
            self.stretches = stretches
            self.cuts[0] += 1


def movable(p: Tensor) -> bool:
    """Whether a parameter is all of its memory, and everybody on that can be moved with it."""
    return isinstance(p.buffer, Buffer) and p.buffer.nbytes == p.nbytes and p.buffer.movable


def padded(p: Tensor) -> int:
    return -(-p.count // 4) * 4


def _own_version(buffer: Any, start: int, nbytes: int) -> Part:
    """A part whose changes are counted apart from its neighbours'."""
    part = Part(buffer, start, nbytes)
    part.version = [0]
    return part
