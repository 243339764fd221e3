"""Runs of a pair of kernels over time, forward and backward: states in registers, T steps in one dispatch each.

The pair shares names: x and y over time, up to two states `a` and `b` (a0, b0 before the first step, a, b after the
last, a_seq, b_seq over time for the way back), and constants, numbers k0, k1, ... or one-element tensors c0, c1, ...
The backward kernel adds up the constants' gradients over time for each element, in gc.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import grad_enabled, record
from ..tensor import Tensor, empty, full
from .elementwise import add
from .reduce import reduce
from .steps import spans, walk

Constant = float | Tensor
STATES = ("a", "b")


class Recurrence:
    """One run; all arguments are checked by the caller.

    Args:
        forward, backward: the kernels' names.
        x: input (T, ...), or (...) for one step.
        states: before the first step, (...), or None for the kernel's own start.
        constants: numbers or one-element Tensors; one Tensor makes tensors of all.
        steps: T, if x has a time axis.
    """

    def __init__(
        self,
        forward: str,
        backward: str,
        x: Tensor,
        states: Sequence[Tensor | None],
        constants: Sequence[Constant],
        steps: int | None,
    ) -> None:
        self.kernels = forward, backward
        self.engine, self.shape = x.engine, x.shape
        self.steps = 1 if steps is None else steps
        self.state = x.shape if steps is None else x.shape[1:]
        self.n = math.prod(self.state)
        self.pieces = spans(x, self.steps, self.n)  # for the way back too: what fits a submit may change
        self.learn = any(isinstance(c, Tensor) for c in constants)
        self.ends: list[list[Tensor | None]] = [[None if s is None else s.detach() for s in states]]
        self.tensors: list[Tensor] = []
        self.constants: dict[str, Any] = {}
        for i, c in enumerate(constants):
            tensor = None
            if self.learn:
                tensor = c.detach() if isinstance(c, Tensor) else full((), c, on=x.engine)
                self.tensors.append(tensor)
            self.constants |= {f"c{i}": tensor, f"k{i}": 0.0 if isinstance(c, Tensor) else c}
        # Of the constants that are Tensors: shapes of those that want a gradient, by place.
        self.wanted = {
            i: c.shape if c.requires_grad else None for i, c in enumerate(constants) if isinstance(c, Tensor)
        }
        live = grad_enabled() and self.steps > 0
        self.learns = live and any(shape is not None for shape in self.wanted.values())
        self.wants = live and any(isinstance(t, Tensor) and t.requires_grad for t in (x, *states, *constants))

    def room(self) -> Tensor:
        """Uninitialised (T, ...)."""
        return empty(self.shape, on=self.engine)

    def launch(self, kernel: str, piece: tuple[int, int], specs: Any, over: dict[str, Any], **others: Any) -> None:
        """One dispatch for some of the steps; tensors (T, ...) are cut to them."""
        start, stop = piece
        cut = over
        if stop - start < self.steps:
            whole = (self.steps, *self.state)
            cut = {name: None if t is None else t._alias(whole)._rows(start, stop) for name, t in over.items()}
        wide, chunk, block = walk(self.engine, self.n, *cut.values(), *others.values())
        self.engine.launch(
            f"{kernel}.vec4" if wide == 4 else kernel,
            -(-self.n // (wide * chunk)),
            (("CHUNK", chunk), ("BLOCK", block), ("LEARN", int(self.learn)), *specs),
            work=(stop - start) * self.n,
            n=self.n // wide,
            steps=stop - start,
            **self.constants,
            **cut,
            **others,
        )

    def forward(self, x: Tensor, kept: dict[str, Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """(y of x's shape, states after the last step); fills `kept`, by name, for kernels that store.

        Of no steps, the states are those before them, and the kernel's own start must not be asked for.
        """
        y = self.room()
        specs = () if kept is None else (("STORE", int(bool(kept))),)
        for piece in self.pieces:
            before = self.ends[-1]
            after: list[Tensor | None] = [empty(self.state, on=self.engine) for _ in before]
            self.ends.append(after)
            self.launch(
                self.kernels[0],
                piece,
                specs,
                {"x": x, "y": y, "a_seq": None, "b_seq": None, **(kept or {})},
                **_states(before, after),
            )
        ends = self.ends.pop() if self.pieces else [None if t is None else t.copy() for t in self.ends[0]]
        assert all(t is not None for t in ends)
        return y, [t for t in ends if t is not None]

    def record(
        self,
        name: str,
        inputs: Sequence[Any],
        outputs: Sequence[Tensor],
        over: dict[str, Tensor],
        saved: Sequence[Tensor],
    ) -> None:
        """Puts the run on the tape.

        Args:
            name: of the operation.
            inputs: x, the states and the constants; those that are no Tensors are left out.
            outputs: y and the last states.
            over: what the backward kernel reads besides, (T, ...), by name.
            saved: which of that the user may change.
        """
        starts = [t for t in self.ends[0] if t is not None]
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        record(name, tensors, outputs, self._rule(over), [*saved, *starts, *self.tensors])

    def _rule(self, over: dict[str, Tensor]) -> Callable[..., Sequence[Tensor | None]]:
        """From gradients of (y, last states) to those of (x, first states, constants), where these are Tensors."""
        given = [t is not None for t in self.ends[0]]

        def backward(gy: Tensor | None, *g_ends: Tensor | None) -> Sequence[Tensor | None]:
            gx, parts, after = self.room(), [], list(g_ends)
            given_y = full(self.shape, 0.0, on=self.engine) if gy is None else gy
            specs = (("SUMS", int(self.learns)),)
            for piece, starts in reversed(list(zip(self.pieces, self.ends))):
                before: list[Tensor | None] = [empty(self.state, on=self.engine) for _ in starts]
                gc = empty((len(self.tensors), self.n), on=self.engine) if self.learns else None
                names = {"gy": given_y, "gx": gx, "a_seq": None, "b_seq": None, **over}
                self.launch(
                    self.kernels[1], piece, specs, names, gc=gc,
                    **_states(starts, []), **_gradients(before, after),
                )  # fmt: skip
                after = before
                if gc is not None:
                    parts.append(reduce("sum", gc, (1,), keepdims=False))
            found: list[Tensor | None] = [gx, *(g for g, own in zip(after, given) if own)]
            total = functools.reduce(add, parts) if parts else None
            for i, shape in self.wanted.items():
                found.append(None if shape is None or total is None else total._rows(i, i + 1)._alias(shape))
            return found

        return backward


def _states(before: Sequence[Tensor | None], after: Sequence[Tensor | None]) -> dict[str, Any]:
    """Arguments a0, a_given, a, b0, ..."""
    out: dict[str, Any] = {}
    for i, (name, t) in enumerate(zip(STATES, before)):
        out |= {f"{name}0": t, f"{name}_given": int(t is not None), name: after[i] if after else None}
    return out


def _gradients(first: Sequence[Tensor | None], last: Sequence[Tensor | None]) -> dict[str, Any]:
    """Arguments ga, ga_end, has_ga_end, gb, ..."""
    out: dict[str, Any] = {}
    for name, g, end in zip(STATES, first, last):
        out |= {f"g{name}": g, f"g{name}_end": end, f"has_g{name}_end": int(end is not None)}
    return out
