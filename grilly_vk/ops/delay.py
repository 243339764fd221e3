"""A product with a weight and a delay for each connection, over T steps in one dispatch, with all gradients.

On devices that are the CPU the host does large ones (native/host_delay.hpp).

Inputs are laid out as (units, steps, samples) first, with the history in front and zeros behind: then a delay is a
distance in memory, no step needs a test of bounds, and four samples are loaded at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..autograd import grad_enabled, record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel, spans
from ..runtime.plain import FILL
from ..tensor import FLOAT32, Tensor, empty, full
from .copying import copy_box
from .elementwise import mul
from .reduce import reduce

_TILE = 8  # of shaders/snn-delay.glsl
_BUSY = 1 << 14  # invocations that keep a device busy

_DELAY = Kernel("snn-delay", over="", fours=None)
_HOST = HostCall("host-delay")
_HOST_GRAD = HostCall("host-delay-grad")
_WEIGHT_GRAD = Kernel("snn-delay-weight-grad", over="", fours=None)


def delayed_linear(
    x: Tensor, history: Tensor | None, weight: Tensor, delay: Tensor, bias: Tensor | None, max_delay: int
) -> tuple[Tensor, Tensor]:
    """y[t, b, o] = bias[o] + the sum over i of weight[o, i] * x[t - delay[o, i], b, i]; shapes are checked before.

    Args:
        x: (T, B, in).
        history: the max_delay inputs before x, oldest first, (max_delay, B, in); None: zeros.
        weight: (out, in).
        delay: (out, in), int32 of whole steps, or float32: then the two steps beside it are mixed, and it gets a
            gradient.  Taken as the nearest in [0, max_delay]; one outside gets a gradient only where that leads back.
        bias: (out,) or None.
        max_delay: in steps; at least 1 for float32 delays.

    Returns:
        (y (T, B, out), the last max_delay inputs (max_delay, B, in)).
    """
    run = _DelayRun(x, delay, weight, max_delay)
    y = empty((run.steps, run.batch, run.outs), on=run.engine)
    ext = None
    if run.hosted:
        run.by_host(x, history, weight, delay, bias, y, run.steps, max_delay)
    else:
        ext = run.laid_out(x, history, max_delay)
        run.product(ext, weight, delay, bias, y, run.steps)
    after = run.next_history(x, history)
    inputs = [t for t in (x, history, weight, delay if run.real else None, bias) if t is not None]
    if run.steps and grad_enabled() and any(t.requires_grad for t in inputs):
        rule = run.rule(ext, x, history, weight, delay, bias)
        read = [
            t for t in (x, history) if t is not None and run.hosted and (weight.requires_grad or delay.requires_grad)
        ]
        record("delayed_linear", inputs, (y, after), rule, (weight, delay, *read))
    return y, after


class _DelayRun:
    """The sizes of a run, and what its two directions share."""

    def __init__(self, x: Tensor, delay: Tensor, weight: Tensor, max_delay: int) -> None:
        self.engine = x.engine
        self.steps, self.batch, self.ins = x.shape
        self.outs = weight.shape[0]
        self.max_delay = max_delay
        self.real = delay.dtype is FLOAT32
        self.width = 4 if self.batch > 2 else 1
        self.wide = -(-self.batch // self.width)
        size = self.steps * self.batch * self.ins * self.outs
        self.hosted = self.engine.host_does(size, self.engine.tuning.host_delays)

    def laid_out(self, x: Tensor, history: Tensor | None, before: int, behind: int = 0) -> Tensor:
        """x (T, B, units) as (units, rows, samples), after `before` rows of history or zeros, ahead of `behind` zeros.

        Samples are padded to whole vectors, and steps to whole tiles, which are not stored.
        """
        steps, batch, units = x.shape
        rows = before + -(-steps // _TILE) * _TILE + behind + 1
        lane = self.wide * self.width
        out = empty((units, rows, lane), on=self.engine)
        if lane != batch or behind or (before and history is None):
            _zero(out)
        for part, start in ((history, 0), (x, before)):
            if part is not None:
                copy_box(part, out, part.shape, (batch * units, units, 1), (lane, 1, rows * lane), 0, start * lane)
        return out

    def next_history(self, x: Tensor, history: Tensor | None) -> Tensor:
        """The last max_delay of history and x together."""
        new, old = min(self.steps, self.max_delay), self.max_delay - min(self.steps, self.max_delay)
        out = empty((self.max_delay, *x.shape[1:]), on=self.engine)
        row = math.prod(x.shape[1:])
        if old and history is None:
            _zero(out._rows(0, old))
        elif old and history is not None:
            copy_box(history, out, (old * row,), (1,), (1,), new * row)
        copy_box(x, out, (new * row,), (1,), (1,), (self.steps - new) * row, old * row)
        return out

    def product(
        self,
        ext: Tensor,
        weight: Tensor,
        delay: Tensor,
        bias: Tensor | None,
        out: Tensor,
        steps: int,
        adjoint: bool = False,
    ) -> None:
        """Fills out (steps, B, units) from ext, or with `adjoint` the other way round."""
        many, own = (self.outs, self.ins) if adjoint else (self.ins, self.outs)
        tile = _TILE if steps > _TILE // 2 else 1
        for first, last, _ in spans(self.engine, -(-steps // tile), max(1, tile * self.wide * many * own // 4)):
            start, stop = first * tile, min(steps, last * tile)
            _DELAY(
                x=ext, w=weight, d=delay, bias=bias, y=out, first=start, last=stop, rows=ext.shape[1],
                max_delay=self.max_delay, many=many, own=own, batch=self.batch, wide=self.wide,
                has_bias=bias is not None, vec4=self.width == 4, items=(last - first) * own * self.wide,
                work=max(1, (stop - start) * self.wide * many * own // 4),
                INTERPOLATE=self.real, ADJOINT=adjoint, TILE=tile,
            )  # fmt: skip

    def by_host(
        self,
        x: Tensor,
        past: Tensor | None,
        weight: Tensor,
        delay: Tensor,
        bias: Tensor | None,
        out: Tensor,
        rows: int,
        front: int,
        adjoint: bool = False,
    ) -> None:
        """`product` by the host, from x after `front` rows of past or zeros, which are laid out on the way."""
        _HOST(
            self.engine, x=x, past=past if front else None, w=weight, d=delay, bias=bias, y=out, steps=self.steps,
            batch=self.batch, ins=self.ins, outs=self.outs, max_delay=self.max_delay, real=self.real, front=front,
            rows=rows, adjoint=adjoint, has_past=past is not None and front > 0, has_bias=bias is not None,
            work=1 + self.steps * self.batch * self.ins * self.outs // 64,
        )  # fmt: skip

    def weight_gradients_by_host(
        self, x: Tensor, past: Tensor | None, gradient: Tensor, weight: Tensor, delay: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """`weight_gradients` by the host, from the tensors as they are."""
        gw = empty((self.outs, self.ins), on=self.engine)
        gd = empty((self.outs, self.ins), on=self.engine) if self.real else None
        held = past if self.max_delay else None
        _HOST_GRAD(
            self.engine, x=x, past=held, g=gradient, w=weight, d=delay, gw=gw, gd=gd, steps=self.steps,
            batch=self.batch, ins=self.ins, outs=self.outs, max_delay=self.max_delay, real=self.real,
            has_past=held is not None, work=1 + self.steps * self.batch * self.ins * self.outs // 64,
        )  # fmt: skip
        return gw, gd

    def weight_gradients(
        self, ext: Tensor, gradient: Tensor, before: int, weight: Tensor, delay: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """From inputs and gradient, laid out, this after `before` rows, to those of weight and, if real, delay."""
        items = self.outs * -(-self.ins // 4)
        parts = max(1, min(-(-self.steps // _TILE), _BUSY // max(1, items)))
        shape = (parts, self.outs, self.ins)
        gw = empty(shape, on=self.engine)
        gd = empty(shape, on=self.engine) if self.real else None
        _WEIGHT_GRAD(
            x=ext, g=gradient, w=weight, d=delay, gw=gw, gd=gd, steps=self.steps, parts=parts,
            max_delay=self.max_delay, ins=self.ins, outs=self.outs, wide=self.wide,
            x_rows=ext.shape[1], g_rows=gradient.shape[1], g_first=before, vec4=self.width == 4, items=parts * items,
            work=self.steps * self.wide * self.outs * self.ins, INTERPOLATE=self.real,
        )  # fmt: skip
        if parts == 1:
            return gw._alias(shape[1:]), None if gd is None else gd._alias(shape[1:])
        return reduce("sum", gw, (0,), False), None if gd is None else reduce("sum", gd, (0,), False)

    def rule(
        self, ext: Tensor | None, x: Tensor, history: Tensor | None, weight: Tensor, delay: Tensor, bias: Tensor | None
    ) -> Callable[..., Sequence[Tensor | None]]:
        """The gradient rule: gradients of (y, next history) to those of the inputs."""
        wants_x, wants_history = x.requires_grad, history is not None and history.requires_grad
        wants_w, wants_d = weight.requires_grad, self.real and delay.requires_grad
        has_history, has_bias = history is not None, bias is not None
        kept = ext if wants_w or wants_d else None
        held = (
            (x.detach(), None if history is None else history.detach())
            if self.hosted and (wants_w or wants_d)
            else None
        )
        w, d = weight.detach(), delay.detach()

        def backward(gy: Tensor | None, g_after: Tensor | None) -> Sequence[Tensor | None]:
            given = full((self.steps, self.batch, self.outs), 0.0, on=self.engine) if gy is None else gy
            skip = 0 if wants_history else self.max_delay  # of the rows of history and x, those that nobody asks for
            before = self.max_delay - skip
            laid = given if self.hosted else self.laid_out(given, None, before, self.max_delay)
            gw = gd = rows = None
            if wants_x or wants_history:
                count = self.steps + before
                rows = empty((count, self.batch, self.ins), on=self.engine)
                if self.hosted:
                    self.by_host(given, None, w, d, None, rows, count, before, adjoint=True)
                else:
                    self.product(laid, w, d, None, rows, count, adjoint=True)
                if g_after is not None:  # the next history is the last rows
                    new = min(self.max_delay, count)
                    _add(g_after._rows(self.max_delay - new, self.max_delay), rows._rows(count - new, count))
            if held is not None:
                gw, gd = self.weight_gradients_by_host(*held, given, w, d)
            elif kept is not None:
                gw, gd = self.weight_gradients(kept, laid, before, w, d)
            found = [None if rows is None else rows._rows(before, before + self.steps)]
            found += [None if rows is None or not wants_history else rows._rows(0, before)] if has_history else []
            found += [gw]
            found += [_inward(d, gd, self.max_delay)] if self.real and gd is not None else [None] * self.real
            found += [reduce("sum", given, (0, 1), False)] if has_bias else []
            return found

        return backward


def _inward(delay: Tensor, gradient: Tensor, max_delay: int) -> Tensor:
    """The gradient without what would lead a delay that is outside of [0, max_delay] further away."""
    outwards = ((delay < 0) & (gradient > 0)) | ((delay > max_delay) & (gradient < 0))
    return mul(gradient, (~outwards).astype(FLOAT32))


def _zero(t: Tensor) -> None:
    FILL(dst=t, n=t.count, bits=0)


def _add(source: Tensor, target: Tensor) -> None:
    copy_box(source, target, (target.count,), (1,), (1,), accumulate=True)
