"""Recurrent cores with functional state: T steps in one dispatch, and backpropagation through time in another."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..autograd import grad_enabled, record
from ..runtime import glsl
from ..tensor import Tensor, empty
from . import stepped_cores as stepped
from .elementwise import add
from .layout import width_of
from .matmul import _TN, product
from .reduce import reduce
from .shape import clone, permute
from .steps import spans, walk
from .surrogate import Slope

MODELS = ["if", "lif", "li", "alif", "cuba"]  # as in shaders/include/core.glsl
TWO_STATES = {"alif", "cuba"}
SMALL = 512  # units up to which a workgroup takes all steps of a sample; more are one dispatch per step


@dataclass(frozen=True)
class CoreDynamics:
    """How a core's state moves; see shaders/include/core.glsl for the formulas.

    Args:
        model: one of MODELS.
        threshold: the firing threshold.
        units, last: how many units there are, and the size of their last axis, along which a second state follows
            the first.
    """

    model: str
    threshold: float
    units: int
    last: int


def unroll(
    x: Tensor,
    state: Tensor,
    dynamics: CoreDynamics,
    slope: Slope | None,
    *,
    b: Tensor | None = None,
    c: Tensor | None = None,
    w: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Runs a layer of cores; all arguments are checked by the caller.

    Args:
        x: input (T, ..., *hidden_shape).
        state: before the first step, (..., *hidden_shape), the last axis twice as long for models of TWO_STATES.
        dynamics, slope: the core and its surrogate gradient; None for "li", which does not spike.
        b: beta, one per unit in any shape, or of shape () for all; None for "if".
        c: gamma of "alif", alpha of "cuba", likewise.
        w: recurrent weights (units, units), from and to.

    Returns:
        The outputs of x's shape, and the state after the last step; without steps, the state that came.
    """
    y = empty(x.shape, on=x.engine)
    if x.shape[0] == 0:
        return y, clone(state)
    run = _Run(x, state, dynamics, b, c, w)
    inputs = [t for t in (x, state, b, c, w) if t is not None]
    wants = grad_enabled() and any(t.requires_grad for t in inputs)
    h, u = run.kept() if wants else (None, None)
    after = run.forward(x, state, y, h, u)
    y.is_spikes = dynamics.model != "li"
    if wants:
        held = y._alias() if run.learns_w else None  # a result must not be held by its own node
        needed = [t for t in (b, c, w, held) if t is not None]
        record(f"{dynamics.model}_core", inputs, (y, after), _backward(run, slope, h, u, held), needed)
    return y, after


class _Run:
    """One forward run: sizes, constants, and the pieces of steps that it goes in."""

    def __init__(
        self, x: Tensor, state: Tensor, dynamics: CoreDynamics, b: Tensor | None, c: Tensor | None, w: Tensor | None
    ) -> None:
        self.engine, self.dynamics = x.engine, dynamics
        self.steps, self.shape, self.state = x.shape[0], x.shape, state.shape
        self.n = math.prod(x.shape[1:])
        self.rows = self.n // dynamics.units
        self.two = dynamics.model in TWO_STATES
        self.learns_b, self.learns_c = (t is not None and t.requires_grad for t in (b, c))
        self.learns_w = w is not None and w.requires_grad
        self.b, self.c, self.w = (None if t is None else t.detach() for t in (b, c, w))
        self.each_b, self.each_c = (t is not None and t.ndim > 0 for t in (b, c))
        work = self.n if w is None else self.n * max(1, dynamics.units // 8)
        whole = w is None or dynamics.units <= SMALL
        self.stepped = w is not None and by_products(self.engine) and stepped.fits(self)
        self.pieces = spans(x, self.steps, work, None if whole else 1)
        self.work = work

    def room(self) -> Tensor:
        """Uninitialised (T, ...)."""
        return empty(self.shape, on=self.engine)

    def kept(self) -> tuple[Tensor | None, Tensor | None]:
        """Room for what the backward pass reads: the potentials before each step, and the second states."""
        h = self.dynamics.model != "li" or self.learns_b
        u = self.dynamics.model == "alif" or (self.dynamics.model == "cuba" and self.learns_c)
        return self.room() if h else None, self.room() if u else None

    def sums(self) -> tuple[Tensor | None, Tensor | None]:
        """Room for the gradients of the constants at each element, of those that learn."""
        gb, gc = (empty((self.n,), on=self.engine) if learns else None for learns in (self.learns_b, self.learns_c))
        return gb, gc

    def totals(self, *sums: Tensor | None) -> list[Tensor | None]:
        """Those gradients summed to the shapes of the constants."""
        return [None if t is None else _total(t, self, constant) for t, constant in zip(sums, (self.b, self.c))]

    def launch(self, kernel: str, start: int, stop: int, specs: Any, **arguments: Any) -> None:
        """One dispatch for steps start..stop; tensors (T, ...) are cut to them."""
        d = self.dynamics
        over_time = {name: _cut(value, self, start, stop) for name, value in arguments.items()}
        by_unit = self.w is not None or self.each_b or self.each_c
        size = d.last if self.two else d.units if by_unit else self.n
        wide = width_of(math.gcd(size, self.n), *over_time.values(), self.w)
        models, common = self.common(wide)
        module = f"{kernel}.vec4" if wide == 4 else kernel
        common |= {"n": self.n // wide, "steps": stop - start, "work": (stop - start) * self.work}
        if self.w is None:
            _, chunk, block = walk(self.engine, self.n)
            specs = (*models, ("CHUNK", chunk), ("BLOCK", block), *specs)
            items = -(-self.n // (wide * chunk))
            self.engine.launch(module, items, specs, **common, **over_time)
            return
        tiles = 1 if d.units <= SMALL else -(-d.units // (wide * self.engine.local))
        if "backward" in kernel:
            space = room_for(d.units) if d.units <= SMALL else self.engine.local * wide
            own: tuple[tuple[str, float], ...] = (("SPACE", space // wide),)
        else:
            own = (("WORDS", room_for(d.units) // 32),)
        groups = min(self.rows * tiles, 65535)
        self.engine.launch(
            module, self.n, (*models, *own, *specs), groups=groups, rows=self.rows, tiles=tiles, **common, **over_time,
        )  # fmt: skip

    def common(self, wide: int) -> tuple[tuple[tuple[str, int], ...], dict[str, Any]]:
        """Constants and numbers that all kernels of include/core.glsl take."""
        d = self.dynamics
        models = (("MODEL", MODELS.index(d.model)), ("EACH_B", int(self.each_b)), ("EACH_C", int(self.each_c)))
        return models, {
            "units": max(1, d.units // wide), "last": max(1, d.last // wide), "threshold": d.threshold,
            "b": self.b, "c": self.c,
        }  # fmt: skip

    def backward_specs(self, slope: Slope, gy: Any, gafter: Any, h: Any, u: Any) -> tuple[tuple[str, float], ...]:
        """What the backward kernels have in common."""
        return (
            ("SURROGATE", slope.code), ("HAS_GY", int(gy is not None)), ("HAS_GAFTER", int(gafter is not None)),
            ("STORE_B", int(self.learns_b)), ("STORE_C", int(self.learns_c)),
            ("HAS_H", int(h is not None)), ("HAS_U", int(u is not None)),
        )  # fmt: skip

    def forward(self, x: Tensor, state: Tensor, y: Tensor, h: Tensor | None, u: Tensor | None) -> Tensor:
        """Steps through x, filling y and what is asked for; the state after the last step."""
        if self.stepped:
            return stepped.forward(self, x, state.detach(), y, h, u)
        kernel = "snn-core-forward"
        more: dict[str, Any] = {}
        if self.w is not None:
            kernel, more = "snn-recurrent-forward", {"w": self.w}
        specs = (("STORE_H", int(h is not None)), ("STORE_U", int(u is not None)))
        before = state.detach()
        for start, stop in self.pieces:
            after = empty(self.state, on=self.engine)
            self.launch(kernel, start, stop, specs, x=x, before=before, y=y, h=h, u=u, after=after, **more)
            before = after
        return before


def by_products(engine: Any) -> bool:
    """Whether recurrent layers take a matrix product in each step: with lavapipe's products by lanes, faster."""
    return bool(engine.tuning.stepped_recurrence)


def room_for(units: int) -> int:
    """Room for units in shared memory, a power of two, so that few variants of a kernel are compiled."""
    return max(32, 1 << (units - 1).bit_length())


def _cut(value: Any, run: _Run, start: int, stop: int) -> Any:
    """Steps start..stop of a tensor (T, ...); anything else, as it is."""
    if not isinstance(value, Tensor) or stop - start == run.steps or value.shape != run.shape:
        return value
    return value._rows(start, stop)


def _backward(
    run: _Run, slope: Slope | None, h: Tensor | None, u: Tensor | None, y: Tensor | None
) -> Callable[..., Sequence[Tensor | None]]:
    """The gradient rule: gradients of (outputs, state after) to those of (x, state, [b], [c], [w])."""

    def backward(gy: Tensor | None, gafter: Tensor | None) -> Sequence[Tensor | None]:
        kernel, given = "snn-core-backward", None
        more: dict[str, Any] = {}
        if run.w is not None and not run.stepped:
            kernel, more = "snn-recurrent-backward", {"w": permute(run.w, (1, 0))}
        if run.stepped:
            kernel = "snn-core-backward-lanes"
        if slope is not None and slope.text:
            kernel += glsl.with_definition((kernel,), "SURROGATE_TEXT", slope.text, name="derivative")
        if slope is not None and slope.given is not None:
            assert h is not None
            distance = h - run.dynamics.threshold
            given = slope.given(distance - u if run.dynamics.model == "alif" else distance)
        found = slope or Slope("atan")
        gx, totals = run.room(), []
        if run.stepped:
            gafter, gb, gc = stepped.backward(run, kernel, found, h=h, u=u, d=given, gy=gy, gafter=gafter, gx=gx)
            totals.append(run.totals(gb, gc))
        for start, stop in () if run.stepped else reversed(run.pieces):
            gend, gafter = gafter, empty(run.state, on=run.engine)
            gb, gc = run.sums()
            specs = run.backward_specs(found, gy, gend, h, u)
            run.launch(
                kernel, start, stop, specs, h=h, u=u, d=given, gy=gy, gafter=gend, gx=gx, gbefore=gafter,
                gb=gb, gc=gc, more=0, alpha=found.alpha, beta=found.beta, **more,
            )  # fmt: skip
            totals.append(run.totals(gb, gc))
        grads: list[Tensor | None] = [gx, gafter]
        for constant, parts in zip((run.b, run.c), zip(*totals)):
            if constant is not None:
                grads.append(None if parts[0] is None else functools.reduce(add, parts))
        if run.w is not None:
            grads.append(None)
            if y is not None:
                k, rows = run.dynamics.units, run.steps * run.rows
                grads[-1] = product(_TN, y, gx, 1, k, k, rows, (0, 0))._alias((k, k))
        return grads

    return backward


def _total(sums: Tensor, run: _Run, constant: Tensor | None) -> Tensor:
    """Sums of all elements (n,) to those of a constant: over the batch, and over the units if they share it."""
    assert constant is not None
    if constant.count == 1:
        return reduce("sum", sums, (0,), keepdims=False)._alias(constant.shape)
    return reduce("sum", sums._alias((run.rows, run.dynamics.units)), (0,), keepdims=False)._alias(constant.shape)
