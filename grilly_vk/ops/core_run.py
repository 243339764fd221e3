"""A run of recurrent cores: sizes, constants and launches, which whole runs and those step by step share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..equations.cores import CORES
from ..runtime.kernel import Kernel, Span, spans
from ..tensor import Tensor, empty
from .layout import width_of
from .reduce import reduce
from .surrogate import Slope

FORWARD = Kernel("snn-core-forward", fours=None, cut="x y h u")  # without recurrent weights
BACKWARD = Kernel("snn-core-backward", fours=None, cut="h u d gy gx")
MODELS = {model.title: (i, model) for i, model in enumerate(CORES)}  # with the kernels' constant MODEL
TWO_STATES = {model.title for model in CORES if model.two}
SMALL = 512  # units up to which a workgroup takes all steps of a sample; more are one dispatch per step


@dataclass(frozen=True)
class CoreDynamics:
    """How a core's state moves; see equations/cores.py for the formulas.

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


class CoreRun:
    """One forward run: sizes, constants, and the pieces of steps that it goes in."""

    def __init__(
        self, x: Tensor, state: Tensor, dynamics: CoreDynamics, b: Tensor | None, c: Tensor | None, w: Tensor | None
    ) -> None:
        self.engine, self.dynamics = x.engine, dynamics
        self.steps, self.shape, self.state = x.shape[0], x.shape, state.shape
        self.n = math.prod(x.shape[1:])
        self.rows = self.n // dynamics.units
        self.code, self.model = MODELS[dynamics.model]
        self.two = self.model.two
        self.learns_b, self.learns_c = (t is not None and t.requires_grad for t in (b, c))
        self.learns_w = w is not None and w.requires_grad
        self.b, self.c, self.w = (None if t is None else t.detach() for t in (b, c, w))
        self.each_b, self.each_c = (t is not None and t.ndim > 0 for t in (b, c))
        work = self.n if w is None else self.n * max(1, dynamics.units // 8)
        whole = w is None or dynamics.units <= SMALL
        self.hosted = w is not None and by_host_in_steps(self.engine, self.rows, dynamics.units)
        self.stepped = self.hosted or (w is not None and by_products(self.engine) and self._by_lanes(w))
        self.pieces = spans(self.engine, self.steps, work, None if whole else 1)
        self.work = work

    def room(self) -> Tensor:
        """Uninitialised (T, ...)."""
        return empty(self.shape, on=self.engine)

    def kept(self) -> tuple[Tensor | None, Tensor | None]:
        """Room for what the backward pass reads: the potentials before each step, and the second states."""
        h = self.model.fires or self.learns_b
        u = self.model.moves or (self.two and self.learns_c)
        return self.room() if h else None, self.room() if u else None

    def sums(self) -> tuple[Tensor | None, Tensor | None]:
        """Room for the gradients of the constants at each element, of those that learn."""
        gb, gc = (empty((self.n,), on=self.engine) if learns else None for learns in (self.learns_b, self.learns_c))
        return gb, gc

    def totals(self, *sums: Tensor | None) -> list[Tensor | None]:
        """Those gradients summed to the shapes of the constants."""
        return [None if t is None else _total(t, self, constant) for t, constant in zip(sums, (self.b, self.c))]

    def launch(self, kernel: Kernel, span: Span, specs: Any, **arguments: Any) -> None:
        """One dispatch for some of the steps."""
        d = self.dynamics
        by_unit = self.w is not None or self.each_b or self.each_c
        size = d.last if self.two else d.units if by_unit else self.n
        wide = width_of(math.gcd(size, self.n), *arguments.values(), self.w)
        models, common = self.common(wide)
        numbers = dict((*models, *specs))
        common |= {"n": self.n // wide, "steps": span, "work": self.work, "vec4": wide == 4, **arguments}
        if self.w is None or self.hosted:
            kernel(**common, **numbers)
            return
        tiles = 1 if d.units <= SMALL else -(-d.units // (wide * self.engine.local))
        if "backward" in kernel.name:
            space = room_for(d.units) if d.units <= SMALL else self.engine.local * wide
            numbers["SPACE"] = space // wide
        else:
            numbers["WORDS"] = room_for(d.units) // 32
        groups = min(self.rows * tiles, 65535)
        kernel(groups=groups, rows=self.rows, tiles=tiles, **common, **numbers)

    def common(self, wide: int) -> tuple[tuple[tuple[str, int], ...], dict[str, Any]]:
        """Constants and numbers that all kernels of include/core.glsl take."""
        d = self.dynamics
        models = (("MODEL", self.code), ("EACH_B", int(self.each_b)), ("EACH_C", int(self.each_c)))
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

    def _by_lanes(self, w: Tensor) -> bool:
        """Whether the kernels by lanes can take it: the device, and four units a load."""
        size = self.dynamics.last if self.two else self.dynamics.units
        return self.engine.tuning.lanes and size % 4 == 0 and width_of(self.dynamics.units, w) == 4


def by_products(engine: Any) -> bool:
    """Whether recurrent layers take a matrix product in each step: with lavapipe's products by lanes, faster."""
    return bool(engine.tuning.stepped_recurrence)


def by_host_in_steps(engine: Any, rows: int, units: int) -> bool:
    """Whether the host makes the product in each step of a recurrent layer: it repays a break in the device's work."""
    return bool(engine.host_does(rows * units * units, engine.tuning.host_recurrence))


def room_for(units: int) -> int:
    """Room for units in shared memory, a power of two, so that few variants of a kernel are compiled."""
    return max(32, 1 << (units - 1).bit_length())


def _total(sums: Tensor, run: CoreRun, constant: Tensor | None) -> Tensor:
    """Sums of all elements (n,) to those of a constant: over the batch, and over the units if they share it."""
    assert constant is not None
    if constant.count == 1:
        return reduce("sum", sums, (0,), keepdims=False)._alias(constant.shape)
    return reduce("sum", sums._alias((run.rows, run.dynamics.units)), (0,), keepdims=False)._alias(constant.shape)
