"""Leaky nodes whose reset comes with the step after the spike: T steps in one dispatch, and the way back in another."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from ..autograd import grad_enabled, record
from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty, full
from .elementwise import add, binary
from .reduce import reduce
from .surrogate import Slope

Reset: TypeAlias = Literal["none", "subtract", "zero", "blank"]
RESETS = get_args(Reset)  # as in shaders/include/late-reset.glsl
_FORWARD = Kernel("snn-late-reset", fours="n m", cut="x s h trace us")
_BACK = Kernel("snn-late-reset-backward", fours="n m", cut="h held us d gs gtrace gx")


@dataclass(frozen=True)
class LateReset:
    """How such a node moves; `shaders/snn-late-reset.glsl` has the formulas.

    Args:
        states: 1: the potential; 2: a current, too; 3: two currents, whose sum is the potential.
        reset: one of RESETS.
        late: whether the reset waits for the next step.
        gain: of the input.
        constants: what is left of the potential and of the current after a step, the threshold, and the scale of three
            states: numbers, or a Tensor (4,), or (4, ...) with one of each for each neuron of a sample.
    """

    states: int
    reset: str
    late: bool
    gain: float
    constants: tuple[float, float, float, float] | Tensor


class LateSteps(NamedTuple):
    """What a run gives: spikes (T, ...), the states after it, each (...), and potentials (T, ...) or None."""

    spikes: Tensor
    states: tuple[Tensor, ...]
    v_seq: Tensor | None


def late_reset(
    x: Tensor,
    states: Sequence[Tensor | None],
    dynamics: LateReset,
    slope: Slope,
    *,
    steps: int | None = None,
    store_v: bool | str = False,
    recompute: bool = False,
) -> LateSteps:
    """Runs a layer of such nodes; all arguments are checked by the caller.

    Args:
        x: input (T, ...), or (...) for one step.
        states: before the first step: the potential, then the currents, each (...) or None for 0.
        dynamics, slope: the neuron and its surrogate gradient.
        steps: T, if x has a time axis.
        store_v: also return the potentials that the next step finds (True, "after") or that the spikes follow from
            ("before"); they differ only where the reset is not late.
        recompute: keep the input for the backward pass and run the forward kernel again in it, instead of keeping
            the potentials.
    """
    run = _LateRun(x, states, dynamics, steps)
    table = dynamics.constants if isinstance(dynamics.constants, Tensor) else None
    inputs = [t for t in (x, *run.given, table) if t is not None]
    wants = run.steps > 0 and grad_enabled() and any(t.requires_grad for t in inputs)
    run.sums = wants and table is not None and table.requires_grad
    spikes = run.room()
    v_seq = run.room() if store_v else None
    early = store_v == "before" or dynamics.late
    kept = _Kept()
    if wants and not recompute:
        kept = run.kept(None if v_seq is None else v_seq._alias(), early)
    seen = _Kept(h=v_seq) if early else _Kept(m=v_seq)
    run.forward(x, spikes, kept.or_else(seen))
    ends = run.ends.pop()  # results, which must not be held by their own node
    spikes.is_spikes = True
    if wants:
        again = x.detach() if recompute else None
        outputs = [spikes, *ends, *([] if v_seq is None else [v_seq])]
        rule = _backward(run, slope, again, kept, early)
        saved = [t for t in (again, *kept, *(s for end in run.ends for s in end), table) if t is not None]
        record("late_reset", inputs, outputs, rule, saved)
    return LateSteps(spikes, tuple(ends), v_seq)


class _Kept(NamedTuple):
    """What backward reads: potentials before the reset, those that the next step finds, and currents."""

    h: Tensor | None = None
    m: Tensor | None = None
    us: Tensor | None = None

    def or_else(self, other: _Kept) -> _Kept:
        """With what the other has where this has none."""
        return _Kept(*(b if a is None else a for a, b in zip(self, other)))


class _LateRun:
    """One forward run: its numbers, and the states between the pieces that it went in (the first: before the run)."""

    def __init__(self, x: Tensor, states: Sequence[Tensor | None], dynamics: LateReset, steps: int | None) -> None:
        self.engine, self.dynamics, self.shape = x.engine, dynamics, x.shape
        self.steps = 1 if steps is None else steps
        self.state = x.shape if steps is None else x.shape[1:]
        self.n = math.prod(self.state)
        self.pieces = spans(self.engine, self.steps, self.n)  # for the way back too: what fits a submit may change
        self.given = [t for t in states if t is not None]
        first: list[Tensor] = []
        if self.given:
            first = [full(self.state, 0.0, on=self.engine) if t is None else t.detach() for t in states]
        self.wanted = [t is not None for t in states]
        self.ends: list[list[Tensor]] = [first]
        constants = dynamics.constants
        self.table = constants.detach() if isinstance(constants, Tensor) else None
        self.m = 1 if self.table is None else self.table.size // 4
        numbers = (0.0,) * 4 if isinstance(constants, Tensor) else constants
        each = self.m > 1
        self.numbers: dict[str, Any] = {
            **dict(zip(("keep", "keep_u", "level", "scale"), numbers)), "n": self.n, "m": self.m if each else 0,
            "consts": self.table, "gain": dynamics.gain, "STATES": dynamics.states,
            "RESET": RESETS.index(dynamics.reset), "LATE": dynamics.late,
            "CONSTS": 0 if self.table is None else 1 + each,
        }  # fmt: skip
        self.sums = False

    def room(self) -> Tensor:
        """Uninitialised (T, ...)."""
        return empty(self.shape, on=self.engine)

    def kept(self, v_seq: Tensor | None = None, early: bool = True) -> _Kept:
        """Room for what the backward pass reads; v_seq, which is part of it, serves for that."""
        h, m = (v_seq, None) if early else (None, v_seq)
        more = self.dynamics.states - 1
        return _Kept(
            self.room() if h is None else h,
            None if self.dynamics.late else self.room() if m is None else m,
            empty((self.steps, more, *self.state), on=self.engine) if self.sums and more else None,
        )

    def forward(self, x: Tensor, s: Tensor | None, kept: _Kept) -> None:
        """Steps through x, filling what is asked for, and notes the states at the ends of the pieces."""
        del self.ends[1:]
        count = self.dynamics.states
        if self.steps == 0:  # nothing happens, but the states are there
            first = self.ends[0]
            self.ends.append([t.copy() for t in first] or [full(self.state, 0.0, on=self.engine) for _ in range(count)])
        stores = (("S", s), ("H", kept.h), ("V", kept.m), ("U", kept.us))
        stored = {f"STORE_{name}": t is not None for name, t in stores}
        for span in self.pieces:
            before = self.ends[-1]
            after = [empty(self.state, on=self.engine) for _ in range(count)]
            self.ends.append(after)
            states: dict[str, Any] = dict(zip(("v0", "u0", "q0"), [*before, None, None, None]))
            states |= dict(zip("vuq", [*after, None, None]))
            _FORWARD(
                x=x, s=s, h=kept.h, trace=kept.m, us=kept.us, steps=span, given=bool(before), **states, **stored,
                **self.numbers,
            )  # fmt: skip


def _backward(
    run: _LateRun, slope: Slope, x: Tensor | None, kept: _Kept, early: bool
) -> Callable[..., Sequence[Tensor | None]]:
    """The gradient rule: gradients of (spikes, states, [v_seq]) to those of (x, [states], [constants])."""
    count = run.dynamics.states

    def backward(gs: Tensor | None, *more: Tensor | None) -> Sequence[Tensor | None]:
        of_states, of_trace = more[:count], more[count] if len(more) > count else None
        found = kept
        if x is not None:
            found = run.kept()
            run.forward(x, None, found)
            run.ends.pop()
        assert found.h is not None
        d = None
        if slope.given is not None:
            d = slope.given(binary("sub", found.h, _levels(run)))
        kernel = _BACK
        if slope.text:
            kernel = kernel.with_text("SURROGATE_TEXT", slope.text, name="derivative")
        gx, sums = run.room(), []
        ends = any(g is not None for g in of_states)
        grads = [
            empty(run.state, on=run.engine)
            if not ends
            else full(run.state, 0.0, on=run.engine)
            if g is None
            else g.copy()
            for g in of_states
        ]
        for k in reversed(range(len(run.pieces))):
            before = run.ends[k]
            own = empty((4, run.n), on=run.engine) if run.sums else None
            states: dict[str, Any] = dict(zip(("v0", "u0", "q0"), [*before, None, None, None]))
            back: dict[str, Any] = dict(zip(("gv", "gu", "gq"), [*grads, None, None]))
            given = int(bool(before)) + 2 * int(ends or k + 1 < len(run.pieces))
            kernel(
                h=found.h, held=found.m, us=found.us, d=d, gs=gs, gtrace=of_trace, gx=gx, sums=own,
                steps=run.pieces[k], given=given, alpha=slope.alpha, beta=slope.beta, SURROGATE=slope.code,
                HAS_GS=gs is not None, HAS_GTRACE=0 if of_trace is None else 1 + early, SUMS=run.sums,
                **states, **back, **run.numbers,
            )  # fmt: skip
            if own is not None:
                sums.append(_of_constants(run, own))
        out: list[Tensor | None] = [gx]
        out += [g for g, wanted in zip(grads, run.wanted) if wanted]
        if run.table is not None:
            out.append(functools.reduce(add, sums) if sums else None)
        return out

    return backward


def _levels(run: _LateRun) -> Any:
    """The thresholds, to be subtracted from potentials."""
    if run.table is None:
        return run.numbers["level"]
    return run.table._rows(2, 3)._alias(run.table.shape[1:])


def _of_constants(run: _LateRun, own: Tensor) -> Tensor:
    """Sums over the batch of (4, n), of the shape of the constants."""
    assert run.table is not None
    return reduce("sum", own._alias((4, run.n // run.m, run.m)) if run.m > 1 else own, (1,), keepdims=False)._alias(
        run.table.shape
    )
