"""Convolutions over three axes: those over two, of images whose channels are those of the frames that a tap meets."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..autograd import record
from ..tensor import Tensor, empty, full
from .conv import _apply, _Plan, _weight_gradient, plan_of
from .copying import copy_box
from .elementwise import add
from .layout import strides
from .reduce import reduce

_SCRATCH = 1 << 26  # bytes of gathered frames at a time


class _Frames:
    """How the depth of x (B, C, D, H, W) falls into the taps of a kernel: (B, OD, C, KD, H, W)."""

    def __init__(self, shape: tuple[int, ...], out: int, kernel: int, stride: int, before: int, gap: int) -> None:
        self.shape, self.out, self.kernel = shape, out, kernel
        self.stride, self.before, self.gap = stride, before, gap

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """(tap, first result, end) for each tap that meets frames of x and not padding alone."""
        depth = self.shape[2]
        for tap in range(self.kernel):
            at = tap * self.gap - self.before  # of result 0
            first = max(0, -(at // self.stride))
            end = min(self.out, (depth - 1 - at) // self.stride + 1)
            if first < end:
                yield tap, first, end

    def walk(self, x: Tensor, taps: Tensor, *, back: bool) -> None:
        """Copies frames of x to where taps meet them, or adds what lies there to x."""
        batch, channels, depth, h, w = self.shape
        batch, plane = x.shape[0], h * w
        own = strides((batch, channels, depth, h, w))
        other = strides((batch, self.out, channels, self.kernel, h, w))
        for tap, first, end in self.spans():
            box = (batch, end - first, channels, plane)
            of_x = (own[0], self.stride * own[2], own[1], 1)
            of_taps = (other[0], other[1], other[2], 1)
            x_at = (first * self.stride + tap * self.gap - self.before) * own[2]
            taps_at = first * other[1] + tap * other[3]
            if back:
                copy_box(taps, x, box, of_taps, of_x, taps_at, x_at, accumulate=True)
            else:
                copy_box(x, taps, box, of_x, of_taps, x_at, taps_at)


def conv3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    out: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    gaps: tuple[int, ...],
    groups: int,
    *,
    precision: str = "float32",
) -> Tensor:
    """A convolution over three axes whose result has the sizes `out`; arguments as in `conv`."""
    outs, ins, depth, kh, kw = weight.shape
    lead, rest = x.shape[:-4], x.shape[-3:]
    batch, channels = math.prod(lead), x.shape[-4]
    frames = _Frames((batch, channels, *rest), out[0], depth, stride[0], pads[0], gaps[0])
    flat = (outs, ins * depth, kh, kw)
    each = 4 * out[0] * channels * depth * math.prod(rest[1:])
    engine, whole = x.engine, (batch, outs, *out)
    step = max(1, _SCRATCH // max(1, each))
    pieces = [(start, min(batch, start + step)) for start in range(0, batch, step)]

    def plan_for(count: int) -> _Plan:
        return plan_of((count * out[0],), flat, rest[1:], out[1:], stride[1:], pads[1:], gaps[1:], groups)

    def gathered(start: int, stop: int) -> Tensor:
        """The frames that the taps meet, of some of the batch."""
        part = x._alias((batch, channels, *rest))._rows(start, stop)
        taps = full(((stop - start) * out[0], channels * depth, *rest[1:]), 0.0, on=engine)
        frames.walk(part, taps, back=False)
        return taps

    def turned(t: Tensor, start: int, stop: int, target: Tensor, *, back: bool) -> None:
        """(b, OD, out, OH, OW) to (b, out, OD, OH, OW), or back."""
        plane = out[1] * out[2]
        box = (stop - start, out[0], outs, plane)
        by_frame = (out[0] * outs * plane, outs * plane, plane, 1)
        by_channel = (outs * out[0] * plane, plane, out[0] * plane, 1)
        a, b = (by_channel, by_frame) if back else (by_frame, by_channel)
        copy_box(t, target, box, a, b)

    y = empty(whole, on=engine)
    for start, stop in pieces:
        result = _apply(
            gathered(start, stop), weight._alias(flat), bias, plan_for(stop - start), back=False, precision=precision
        )
        turned(result, start, stop, y._rows(start, stop), back=False)
    y = y._alias((*lead, outs, *out))
    inputs = (x, weight) if bias is None else (x, weight, bias)

    def backward(g: Tensor) -> list[Tensor | None]:
        gx = full((batch, channels, *rest), 0.0, on=engine) if x.requires_grad else None
        gw: Tensor | None = full(flat, 0.0, on=engine) if weight.requires_grad and not pieces else None
        for start, stop in pieces:
            plan = plan_for(stop - start)
            pull = empty(((stop - start) * out[0], outs, *out[1:]), on=engine)
            turned(g._alias(whole)._rows(start, stop), start, stop, pull, back=True)
            if gx is not None:
                back = _apply(pull, weight._alias(flat), None, plan, back=True, precision=precision)
                frames.walk(gx._rows(start, stop), back, back=True)
            if weight.requires_grad:
                part = _weight_gradient(pull, gathered(start, stop), plan, flat, precision)
                gw = part if gw is None else add(gw, part)
        grads = [None if gx is None else gx._alias(x.shape), None if gw is None else gw._alias(weight.shape)]
        if bias is not None:
            grads.append(reduce("sum", g._alias(whole), (0, 2, 3, 4), False) if bias.requires_grad else None)
        return grads

    record("conv3d", inputs, (y,), backward)
    return y
