"""NeuNorm: the low-passed mean over the channels, taken off each of them; all steps in one dispatch."""

from __future__ import annotations

from typing import Any

from ..autograd import grad_enabled, record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty, full
from .reduce import reduce

_ROWS = 64  # steps and samples that one invocation adds up for the weight's gradient, at least

_NORM = Kernel("snn-neu-norm", over="samples inner", fours="inner", cut="x y trace")
_GRAD = Kernel("snn-neu-norm-grad", over="samples inner", fours="inner", cut="gy gx")
_GRAD_WEIGHT = Kernel("snn-neu-norm-grad-weight", over="parts channels inner", fours="inner")
_HOST, _HOST_GRAD = HostCall("host-neu-norm"), HostCall("host-neu-norm-grad")
_LANES = 16  # pixels that the host's passes take at once, at least
_HOST_PARTS = 8  # stretches of samples that add up the weight's gradient side by side, whatever the number of threads


class NeuNormRun:
    """One call: m = k * m + share * (sum of x over the channels), y = x - w * m.

    Args:
        x: (T, B, C, H, W).
        m: before the first step, (B, 1, H, W); None: `start`.
        w: (C, H, W) or (1, H, W).
    """

    def __init__(self, x: Tensor, m: Tensor | None, start: float, w: Tensor, k: float, share: float) -> None:
        self.engine, self.shape = x.engine, x.shape
        self.steps, self.samples, self.channels = x.shape[:3]
        self.inner = x.shape[3] * x.shape[4]
        self.x, self.m, self.start, self.w = x, m, start, w
        self.shared = w.shape[0] == 1 and self.channels != 1
        self.numbers: dict[str, Any] = {
            "w": w, "samples": self.samples, "channels": self.channels, "inner": self.inner, "k": k, "share": share,
            "work": 2 * self.samples * self.channels * self.inner, "SHARED": self.shared,
        }  # fmt: skip
        self.hosted = self.inner >= _LANES and x.engine.host_streams(x.count)
        self.pieces = spans(self.engine, self.steps, max(1, self.samples * self.channels * self.inner))

    def _state(self, steps: int | None = None) -> Tensor:
        lead = () if steps is None else (steps,)
        return empty((*lead, self.samples, 1, *self.shape[3:]), on=self.engine)

    def forward(self) -> tuple[Tensor, Tensor]:
        x, w = self.x, self.w
        inputs = [t for t in (x, self.m, w) if t is not None]
        wants = grad_enabled() and any(t.requires_grad for t in inputs)
        y = empty(self.shape, on=self.engine)
        trace = self._state(self.steps) if wants and w.requires_grad else None
        m = self.m
        if self.hosted:
            m = self._state()
            _HOST(
                self.engine, x=x, m0=self.m, y=y, trace=trace, m=m, given=self.m is not None, start=self.start,
                store=trace is not None, **self._host_numbers(),
            )  # fmt: skip
        for span in () if self.hosted else self.pieces:
            end = self._state()
            _NORM(
                x=x, m0=m, y=y, trace=trace, m=end, steps=span, given=m is not None, start=self.start,
                STORE=trace is not None, **self.numbers,
            )  # fmt: skip
            m = end
        if not self.pieces:
            end_shape = (self.samples, 1, *self.shape[3:])
            m = full(end_shape, self.start, on=self.engine) if self.m is None else self.m.copy()
        assert m is not None
        if wants:
            del self.x  # the rule reads the weight and the states only
            record("neu_norm", inputs, (y, m), self._backward(trace, self.m), [w])
        return y, m

    def _backward(self, trace: Tensor | None, first_state: Tensor | None) -> Any:
        def backward(gy: Tensor | None, gend: Tensor | None) -> list[Tensor | None]:
            gy = full(self.shape, 0.0, on=self.engine) if gy is None else gy
            gx = empty(self.shape, on=self.engine)
            if self.hosted:
                first, gw = self._host_backward(gy, gend, gx, trace)
                return [gx, *([first] if first_state is not None else []), gw]
            gm = gend
            for span in reversed(self.pieces):
                begin = self._state()
                _GRAD(gy=gy, gend=gm, gx=gx, gm=begin, steps=span, has_gend=gm is not None, **self.numbers)
                gm = begin
            out: list[Tensor | None] = [gx]
            out += [gm] if first_state is not None else []
            return [*out, self._weight(gy, trace) if trace is not None else None]

        return backward

    def _host_numbers(self) -> dict[str, Any]:
        numbers = {name: n for name, n in self.numbers.items() if name != "SHARED"}
        return {**numbers, "steps": self.steps, "shared": self.shared, "work": self.steps * self.numbers["work"]}

    def _host_backward(
        self, gy: Tensor, gend: Tensor | None, gx: Tensor, trace: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Writes gx; gradients of the first state and, where states were kept, of the weight."""
        parts, on = min(self.samples, _HOST_PARTS), self.engine
        gm = self._state()
        gw = partial = None
        if trace is not None:
            gw, partial = empty(self.w.shape, on=on), empty((parts, *self.w.shape), on=on)
        _HOST_GRAD(
            on, gy=gy, gend=gend, trace=trace, gx=gx, gm=gm, partial=partial, gw=gw, has_gend=gend is not None,
            learn=trace is not None, parts=parts, **self._host_numbers(),
        )  # fmt: skip
        return gm, gw

    def _weight(self, gy: Tensor, trace: Tensor) -> Tensor:
        rows, n = self.steps * self.samples, self.channels * self.inner
        parts = sorted((1, min(rows // _ROWS, (1 << 16) // max(1, n)), _ROWS))[1]
        partial = empty((parts, self.channels, self.inner), on=self.engine)
        _GRAD_WEIGHT(
            gy=gy, trace=trace, gw=partial, rows=rows, channels=self.channels, inner=self.inner, parts=parts,
            work=rows * n,
        )  # fmt: skip
        axes = (0, 1) if self.shared else (0,)
        return reduce("sum", partial, axes, False)._alias(self.w.shape)
