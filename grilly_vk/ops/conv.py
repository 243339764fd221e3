"""Convolutions over one and two axes and their transposes, with gradients.

The sums are made directly from the images, in a fixed order, four pixels by four channels an invocation; what is
read most often is first laid out four channels side by side (`conv-pack`).  On devices that are the CPU the host makes
large ones of products (native/host_images.cpp).  With precision "float16" they are made by conv_matrices.py.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..autograd import record
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty, full
from . import conv_matrices
from .layout import width_of
from .reduce import reduce

_SCRATCH = 1 << 24  # bytes of packed images at a time
_LARGEST = 1 << 26  # of one image; larger ones are read as they lie
_TILES = 1 << 14  # invocations that a weight gradient is cut into, if there are fewer weights
_RUN = 1 << 14  # pixels that one of them adds up, if the parts do not take too much memory


_CONV = Kernel("conv", over="count", fours=None)
_LANES = Kernel("conv-lanes", over="", fours=None)
_WEIGHT_GRAD = Kernel("conv-weight-grad", over="count", fours=None)
_PACK = Kernel("conv-pack", over="", fours=None)
_HOST = HostCall("host-conv")
_HOST_WEIGHTS = HostCall("host-conv-weights")

Pair = tuple[int, int]


@dataclass(frozen=True)
class _Plan:
    """Sizes of one convolution; pairs are (vertical, horizontal)."""

    batch: int
    groups: int
    ins: int  # per group
    outs: int  # per group
    size: Pair
    out: Pair
    kernel: Pair
    stride: Pair
    pad: Pair
    gap: Pair

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @functools.cached_property
    def push(self) -> dict[str, Any]:
        """What the kernels have in common."""
        names = ("stride", self.stride), ("pad", self.pad), ("gap", self.gap)
        both = {f"{n}_{axis}": v[i] for n, v in names for i, axis in enumerate("yx")}
        return {"sets": self.groups, "kh": self.kernel[0], "kw": self.kernel[1], **both}

    @functools.cached_property
    def multiplications(self) -> int:
        """Of each of its kernels."""
        return self.batch * self.groups * self.outs * self.ins * self.taps * math.prod(self.out)

    @functools.cached_property
    def sizes(self) -> dict[str, Any]:
        """All of them, by the names that kernels have for them."""
        sizes = {"batch": self.batch, "ins": self.ins, "outs": self.outs, "h": self.size[0], "width": self.size[1]}
        return {**sizes, "oh": self.out[0], "ow": self.out[1], **self.push}

    @functools.cached_property
    def host(self) -> dict[str, Any]:
        """Numbers of the host's calls."""
        return {**self.sizes, "work": self.multiplications // 64}

    @functools.cached_property
    def forward(self) -> _Pass:
        """How the result is computed."""
        return _plan_pass(self, False)

    @functools.cached_property
    def back(self) -> _Pass:
        """How the input's gradient is computed."""
        return _plan_pass(self, True)


def _pack(x: Tensor, outer: int, n: int, places: int, inner: Pair, steps: tuple[int, int, int, int]) -> Tensor:
    """Four of n side by side: (outer, ceil(n / 4), places, inner[1], 4), flat, and four zeros.

    inner[0] is how much of inner[1] there is in x.
    """
    fours = -(-n // 4)
    count = outer * fours * places * inner[1]
    out = empty((count + 1, 4), on=x.engine)
    a_step, n_step, p_step, q_step = steps
    wide = 1
    if inner == (1, 1) and p_step == 1 and n_step % 4 == a_step % 4 == 0:
        wide = width_of(places, x)
    _PACK(
        x=x, y=out, count=count // wide, fours=fours, places=places // wide, inner=inner[1], n=n, q=inner[0],
        a_step=a_step // wide, n_step=n_step // wide, p_step=p_step, q_step=q_step, items=count // wide + 1,
        work=4 * count, vec4=wide == 4,
    )  # fmt: skip
    return out


def _pack_images(x: Tensor, groups: int, channels: int, pixels: int) -> Tensor:
    """(batch, groups * channels, ...) -> (batch * groups, channels / 4, pixels, 4)."""
    outer = x.shape[0] * groups
    return _pack(x, outer, channels, pixels, (1, 1), (channels * pixels, pixels, 1, 0))


def _chunks(images: int, bytes_each: int) -> Iterator[Pair]:
    """Pieces of the batch whose packed images fit the scratch memory."""
    step = max(1, _SCRATCH // max(1, bytes_each))
    for start in range(0, images, step):
        yield start, min(images, start + step)


def _packed_bytes(groups: int, channels: int, pixels: int) -> int:
    return 16 * groups * -(-channels // 4) * pixels


@dataclass(frozen=True)
class _Pass:
    """How one kernel call walks the images: forward, or back to the input's gradient."""

    results: tuple[int, ...]  # shape of one image's result
    channels: int  # of the source, per group
    pixels: int  # of the source
    packed_bytes: int  # of one image; 0: the source is read as it lies
    weights: tuple[int, int, int, Pair, tuple[int, int, int, int]]  # of _pack
    band: int  # images whose pixels are tiled together
    tiles: int  # of one band
    work: int  # of one tile
    lane_spots: int  # of one band: where `conv-lanes` has tiles, of some channels each
    push: dict[str, Any]


def _plan_pass(plan: _Plan, back: bool) -> _Pass:
    ins, outs = (plan.outs, plan.ins) if back else (plan.ins, plan.outs)
    size, target = (plan.out, plan.size) if back else (plan.size, plan.out)
    pixels, results = math.prod(size), math.prod(target)
    packed = _packed_bytes(plan.groups, ins, pixels)
    wide = 4 if ins > 2 and packed <= _LARGEST else 1
    columns = -(-ins // wide)
    one, taps = plan.ins * plan.taps, plan.taps  # weights of one output; of one output and input
    steps = (plan.outs * one, taps, 1, one) if back else (plan.outs * one, one, 1, taps)
    phases = math.prod(plan.stride) if back else 1
    grid = math.prod(-(-n // s) for n, s in zip(target, plan.stride)) if back else results
    band = max(1, -(-256 // grid))
    return _Pass(
        results=(plan.groups * outs, *target),
        channels=ins,
        pixels=pixels,
        packed_bytes=packed if wide == 4 else 0,
        weights=(plan.groups, outs, taps, (ins, columns * wide), steps),
        band=band,
        tiles=plan.groups * -(-outs // 4) * phases * -(-band * grid // 4),
        work=max(1, 16 * ins * -(-taps // phases) // 4),
        lane_spots=plan.groups * phases * -(-band * grid // 32),
        push={
            "ins": columns, "outs": outs, "h": size[0], "width": size[1], "oh": target[0], "ow": target[1],
            "band": band, **plan.push,
        },
    )  # fmt: skip


def _apply(
    x: Tensor, weight: Tensor, bias: Tensor | None, plan: _Plan, *, back: bool, precision: str = "float32"
) -> Tensor:
    """The convolution of x, or with `back` the gradient to its input from x, that of its result."""
    way = plan.back if back else plan.forward
    out = empty((plan.batch, *way.results), on=x.engine)
    if out.count == 0:
        return out
    if precision == "float16":
        conv_matrices.apply(x, weight, bias, out, plan.sizes, back=back)
        return out
    if x.engine.host_does(plan.multiplications):
        _HOST(x.engine, x=x, w=weight, bias=bias, y=out, back=back, biased=bias is not None, **plan.host)
        return out
    packed_weight = _pack(weight, *way.weights)
    kernel, tiles, work, more = _CONV, way.tiles, way.work, {"vec4": way.packed_bytes > 0, **way.push}
    tuning = x.engine.tuning
    outs = way.push["outs"]
    lanes = tuning.lanes and outs >= tuning.lanes_channels
    if lanes:
        rows = tuning.lane_rows(outs)
        kernel, more = _LANES, {"ROWS": rows, **more}
        tiles, work = way.lane_spots * -(-outs // rows), work * 2 * rows  # a tile is 8 by rows / 4 of the others
    for start, stop in _chunks(plan.batch, way.packed_bytes):
        source = part = x._rows(start, stop)
        if way.packed_bytes:
            source = _pack_images(part, plan.groups, way.channels, way.pixels)
        result = out._rows(start, stop)
        for first, last, _ in spans(x.engine, -(-(stop - start) // way.band) * tiles, work):
            count = last - first
            kernel(
                x=source, w=packed_weight, bias=bias, y=result, batch=stop - start, zero=source.shape[0] - 1,
                first=first, count=count, items=tuning.lane_items(count) if lanes else count,
                work=count * work, BACK=back, BIAS=bias is not None, **more,
            )  # fmt: skip
    return out


def _weight_gradient(g: Tensor, x: Tensor, plan: _Plan, shape: tuple[int, ...], precision: str = "float32") -> Tensor:
    """Gradient to the weight, from that of the result and the input."""
    weights = math.prod(shape)
    if weights == 0 or plan.batch == 0:
        return full(shape, 0.0, on=x.engine)
    if precision == "float16":
        return conv_matrices.weight_gradient(g, x, shape, plan.sizes)
    if x.engine.host_does(plan.multiplications):
        out = empty(shape, on=x.engine)
        _HOST_WEIGHTS(x.engine, g=g, x=x, w=out, **plan.host)
        return out
    pixels, results = math.prod(plan.size), math.prod(plan.out)
    x_bytes = _packed_bytes(plan.groups, plan.ins, pixels)
    wide = 4 if plan.ins > 2 and x_bytes <= _LARGEST else 1
    columns, fours = -(-plan.ins // wide), -(-plan.outs // 4)
    g_bytes = _packed_bytes(plan.groups, plan.outs, results)
    pieces = list(_chunks(plan.batch, max(g_bytes, x_bytes if wide == 4 else 0)))

    tiles = plan.groups * fours * columns * plan.taps
    longest = pieces[0][1] - pieces[0][0]
    rows = longest * plan.out[0] * -(-plan.out[1] // 256)
    parts = max(-(-_TILES // (tiles * len(pieces))), -(-longest * results // _RUN))
    parts = max(1, min(parts, rows, _SCRATCH // (8 * weights * len(pieces))))
    sums = empty((len(pieces), parts, weights), on=x.engine)
    work = max(1, 4 * wide * longest * results // parts // 4)
    for piece, (start, stop) in enumerate(pieces):
        x_part = x._rows(start, stop)
        source = _pack_images(x_part, plan.groups, plan.ins, pixels) if wide == 4 else x_part
        gradient = _pack_images(g._rows(start, stop), plan.groups, plan.outs, results)
        result = sums._rows(piece, piece + 1)
        for first, last, _ in spans(x.engine, parts * tiles, work):
            _WEIGHT_GRAD(
                g=gradient, x=source, y=result, vec4=wide == 4, work=(last - first) * work,
                batch=stop - start, ins=plan.ins, outs=plan.outs, h=plan.size[0], width=plan.size[1],
                oh=plan.out[0], ow=plan.out[1], parts=parts, first=first, count=last - first, **plan.push,
            )  # fmt: skip
    total = sums._alias((len(pieces) * parts, weights))
    return (reduce("sum", total, (0,), False) if total.shape[0] > 1 else total)._alias(shape)


@functools.lru_cache(maxsize=256)
def plan_of(
    lead: tuple[int, ...],
    weight: tuple[int, ...],
    size: tuple[int, ...],
    out: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    gaps: tuple[int, ...],
    groups: int,
) -> _Plan:
    """The convolution of images (*lead, C, *size) to (*lead, O, *out); one axis is a row of height 1.

    Args:
        weight: the weight's shape (O, C / groups, *kernel).
        pads: zeros before the image.
    """

    def pair(values: Sequence[int], one: int = 1) -> Pair:
        return (values[0], values[1]) if len(out) == 2 else (one, values[0])

    outs, ins, *kernel = weight
    return _Plan(
        math.prod(lead), groups, ins, outs // groups, pair(size), pair(out), pair(kernel), pair(stride), pair(pads, 0),
        pair(gaps),
    )  # fmt: skip


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    out: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    gaps: tuple[int, ...],
    groups: int,
    *,
    back: bool = False,
    precision: str = "float32",
) -> Tensor:
    """A convolution over one axis or two whose result has the sizes `out`, or with `back` its transpose.

    Args:
        x: (..., C, *size).
        weight: (out, C / groups, *kernel), or with `back` (C, out / groups, *kernel).
        bias: (out,) or None.
        stride, gaps: steps between results and between taps, for each axis.
        pads: zeros before each axis; with `back` what is cut off there.
        precision: "float32", or "float16" on matrix units.
    """
    axes = len(out)
    lead, size = x.shape[: -axes - 1], x.shape[-axes:]
    sizes = (out, size) if back else (size, out)
    plan = plan_of(lead, weight.shape, *sizes, stride, pads, gaps, groups)
    image, result = (plan.batch, groups * plan.ins, *plan.size), (plan.batch, groups * plan.outs, *plan.out)
    before, after = (result, image) if back else (image, result)
    y = _apply(x._alias(before), weight, bias, plan, back=back, precision=precision)._alias((*lead, after[1], *out))
    inputs = (x, weight) if bias is None else (x, weight, bias)

    def backward(g: Tensor) -> list[Tensor | None]:
        given, whole = x._alias(before), g._alias(after)
        pair = (given, whole) if back else (whole, given)
        grads: list[Tensor | None] = [
            _apply(whole, weight, None, plan, back=not back, precision=precision)._alias(x.shape)
            if x.requires_grad
            else None,
            _weight_gradient(*pair, plan, weight.shape, precision) if weight.requires_grad else None,
        ]
        if bias is not None:
            grads.append(reduce("sum", whole, (0, 2, 3), False) if bias.requires_grad else None)
        return grads

    record(f"conv{'_transpose' if back else ''}{axes}d", inputs, (y,), backward)
    return y
