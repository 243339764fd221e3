"""The spiking stand-in for a ReLU: T steps of integrate and fire with spikes as high as the threshold, one dispatch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import grad_enabled, record
from ..tensor import Tensor, empty, full
from .elementwise import add, unary
from .steps import spans, walk
from .surrogate import Slope, derivative


def rate_node(
    x: Tensor,
    threshold: Tensor,
    slope: Slope,
    steps: int,
    *,
    constant: bool = False,
    v: Tensor | None = None,
    start: float = 0.5,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """H = v + x; s = threshold * [H >= threshold]; v = H - s, in each of `steps` steps.  The caller checks arguments.

    The mean of s over T steps is off the mean input, where that lies in [0, threshold], by at most threshold / T for
    constant input: |mean(s) - mean(x)| = |v_end - v_start| / T.

    Args:
        x: (T, ...), or with `constant` (...), the same at every step.
        threshold: one element; no gradient.
        slope: the surrogate, of H / threshold - 1; it is the derivative of s, which is as high as the threshold.
        steps: T.
        v: the potential before the first step (...); None: the share `start` of the threshold.
        detach_reset: whether gradients stop at the spike in the reset.

    Returns:
        s (T, ...), and the potential after the last step (...).

    Source: Bu et al., "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks",
    ICLR 2022, equations (3) to (6).
    """
    run = _Run(x, threshold, steps, constant, v, start)
    spikes = empty((steps, *run.state), on=x.engine)
    wants = grad_enabled() and steps > 0 and (x.requires_grad or (v is not None and v.requires_grad))
    h = empty(spikes.shape, on=x.engine) if wants else None
    end = run.forward(x, spikes, h)
    spikes.is_spikes = True
    if wants:
        assert h is not None
        inputs = (x,) if v is None else (x, v)
        record("rate_node", inputs, (spikes, end), _backward(run, h, slope, detach_reset, v is not None), (threshold,))
    return spikes, end


class _Run:
    """The numbers of one run."""

    def __init__(
        self, x: Tensor, threshold: Tensor, steps: int, constant: bool, v: Tensor | None, start: float
    ) -> None:
        self.engine, self.threshold, self.steps, self.constant = x.engine, threshold.detach(), steps, constant
        self.state = x.shape if constant else x.shape[1:]
        self.x_shape = x.shape
        self.n = math.prod(self.state)
        self.v, self.start = (None if v is None else v.detach()), start
        self.pieces = spans(x, steps, self.n)

    def launch(self, kernel: str, first: int, last: int, specs: Any, **arguments: Any) -> None:
        """One dispatch for steps first..last; tensors (T, ...) are cut to them."""
        wide, chunk, block = walk(self.engine, self.n, *arguments.values())
        cut = {name: self._cut(value, first, last) for name, value in arguments.items()}
        self.engine.launch(
            f"{kernel}.vec4" if wide == 4 else kernel,
            -(-self.n // (wide * chunk)),
            (("CHUNK", chunk), ("BLOCK", block), *specs),
            work=(last - first) * self.n,
            n=self.n // wide,
            steps=last - first,
            threshold=self.threshold,
            **({"x_step": 0 if self.constant else self.n // wide} if kernel.endswith("forward") else {}),
            **cut,
        )

    def _cut(self, value: Any, start: int, stop: int) -> Any:
        if not isinstance(value, Tensor) or stop - start == self.steps or value.count != self.steps * self.n:
            return value
        return value._alias((self.steps, *self.state))._rows(start, stop)

    def forward(self, x: Tensor, s: Tensor, h: Tensor | None) -> Tensor:
        """Fills s and h; the potential after the last step."""
        before = self.v
        if not self.steps:
            if before is not None:
                return before.copy()
            at_start = unary("scale", self.threshold._alias(()), self.start)
            return add(full(self.state, 0.0, on=self.engine), at_start)
        for start, stop in self.pieces:
            end = empty(self.state, on=self.engine)
            self.launch(
                "snn-rate-forward", start, stop, (("STORE_H", int(h is not None)),), given=int(before is not None),
                start=self.start, x=x, v0=before, s=s, h=h, v=end,
            )  # fmt: skip
            before = end
        assert before is not None
        return before


def _backward(
    run: _Run, h: Tensor, slope: Slope, detach: bool, wants_v: bool
) -> Callable[[Tensor | None, Tensor | None], Sequence[Tensor | None]]:
    """The gradient rule: gradients of (s, v) to those of (x, [v])."""

    def backward(gs: Tensor | None, gv: Tensor | None) -> Sequence[Tensor | None]:
        own = not slope.given and not slope.suffix
        d = None if own else derivative(h / run.threshold._alias(()) - 1.0, slope)
        gx: Tensor | None = None
        for start, stop in reversed(run.pieces):
            gend, gv = gv, empty(run.state, on=run.engine)
            part = empty(run.x_shape, on=run.engine) if gx is None or run.constant else gx
            specs = (
                ("SURROGATE", slope.code if own else 0), ("DETACH", int(detach)), ("HAS_GS", int(gs is not None)),
                ("CONSTANT", int(run.constant)),
            )  # fmt: skip
            run.launch(
                "snn-rate-backward", start, stop, specs, has_gend=int(gend is not None), h=h, d=d, gs=gs, gend=gend,
                gx=part, gv=gv, alpha=slope.alpha, beta=slope.beta,
            )  # fmt: skip
            gx = part if gx is None or not run.constant else add(gx, part)
        return [gx, gv][: 1 + wants_v]

    return backward
