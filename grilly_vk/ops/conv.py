"""Convolutions over one and two axes, with gradients.

The sums are made directly from the images, in a fixed order, four pixels by four channels an invocation; what is
read most often is first laid out four channels side by side (`conv-pack`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .. import arguments
from ..autograd import record
from ..errors import shown
from ..runtime.kernel import Kernel, spans
from ..tensor import FLOAT32, Tensor, empty, full
from ..typing import ArrayLike
from .elementwise import as_tensor
from .reduce import reduce

_SCRATCH = 1 << 24  # bytes of packed images at a time
_LARGEST = 1 << 26  # of one image; larger ones are read as they lie
_TILES = 1 << 14  # invocations that a weight gradient is cut into, if there are fewer weights
_RUN = 1 << 14  # pixels that one of them adds up, if the parts do not take too much memory


_CONV = Kernel("conv", over="count", fours=None)
_LANES = Kernel("conv-lanes", over="", fours=None)
_WEIGHT_GRAD = Kernel("conv-weight-grad", over="count", fours=None)
_PACK = Kernel("conv-pack", over="")

Pair = tuple[int, int]


def numbers(name: str, value: Any, count: int, least: int) -> tuple[int, ...]:
    """One whole number for every axis, or one for each.

    Raises:
        TypeError, ValueError: no whole numbers, too many or too few, or below `least`.
    """
    if isinstance(value, (tuple, list)):
        if len(value) not in (1, count):
            raise ValueError(f"{name} must be a whole number or {count} of them, got {shown(value)}")
        found = [arguments.size(f"{name}[{i}]", v, least) for i, v in enumerate(value)]
        return tuple(found * count if len(found) == 1 else found)
    return (arguments.size(name, value, least),) * count


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
    out = empty((count + 1, 4))
    a_step, n_step, p_step, q_step = steps
    _PACK(
        x=x, y=out, count=count, fours=fours, places=places, inner=inner[1], n=n, q=inner[0], a_step=a_step,
        n_step=n_step, p_step=p_step, q_step=q_step, items=count + 1, work=4 * count,
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


def _apply(x: Tensor, weight: Tensor, bias: Tensor | None, plan: _Plan, *, back: bool) -> Tensor:
    """The convolution of x, or with `back` the gradient to its input from x, that of its result."""
    way = plan.back if back else plan.forward
    out = empty((plan.batch, *way.results))
    if out.count == 0:
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


def _weight_gradient(g: Tensor, x: Tensor, plan: _Plan, shape: tuple[int, ...]) -> Tensor:
    """Gradient to the weight, from that of the result and the input."""
    weights = math.prod(shape)
    if weights == 0 or plan.batch == 0:
        return full(shape, 0.0)
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
    sums = empty((len(pieces), parts, weights))
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


def padding_widths(padding: Any, kernel: Sequence[int], stride: Sequence[int], gap: Sequence[int]) -> tuple[Pair, ...]:
    """(before, after) for each axis."""
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if padding != "same":
            raise ValueError(f"padding must be 'same', 'valid' or whole numbers, got {shown(padding)}")
        if any(s != 1 for s in stride):
            raise ValueError(f"padding='same' needs stride 1, got {tuple(stride)}")
        totals = [d * (k - 1) for d, k in zip(gap, kernel)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((p, p) for p in numbers("padding", padding, len(kernel), 0))


def timed(x_shape: tuple[int, ...], axes: int) -> str:
    """What to say of an input with one axis too many, which is a time axis most often."""
    if len(x_shape) != axes + 3:
        return ""
    return "; for all steps (T, B, ...) see F.set_step_mode(model, 'm') and nn.SeqToANNContainer"


def result_size(
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Sequence[int],
    pads: Sequence[Pair],
    gaps: Sequence[int],
    groups: int,
) -> tuple[int, ...]:
    """The sizes of a convolution's result along the weight's last axes.

    Raises:
        ValueError: shapes that don't fit.
    """
    axes = len(stride)
    wanted = ("L", "H, W", "D, H, W")[axes - 1]
    outs, ins, *kernel = weight_shape
    if len(x_shape) not in (axes + 1, axes + 2):
        raise ValueError(
            f"x has shape {x_shape}; expected (B, {groups * ins}, {wanted}) or ({groups * ins}, {wanted})"
            + timed(x_shape, axes)
        )
    if outs % groups:
        raise ValueError(f"weight has {outs} outputs, which groups={groups} does not divide")
    channels, size = x_shape[-axes - 1], x_shape[-axes:]
    if channels != groups * ins:
        raise ValueError(
            f"x has {channels} channels (shape {x_shape}); weight {weight_shape} with groups={groups} expects "
            f"{groups * ins}"
        )
    padded = [n + before + after for n, (before, after) in zip(size, pads)]
    out = tuple([(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(padded, gaps, kernel, stride)])
    if min(out) < 1:
        span = tuple(d * (k - 1) + 1 for d, k in zip(gaps, kernel))
        raise ValueError(
            f"x has shape {x_shape}, with its padding {tuple(padded)} along ({wanted}); the kernel covers {span} and "
            "must fit in"
        )
    return out


@functools.lru_cache(maxsize=256)
def _plan(
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[Pair, ...],
    gaps: tuple[int, ...],
    groups: int,
) -> tuple[_Plan, tuple[int, ...]]:
    """The sizes of a convolution over the weight's last axes, and the shape of its result.

    Raises:
        ValueError: shapes that don't fit.
    """
    axes = len(stride)
    outs, ins, *kernel = weight_shape
    size, out = x_shape[-axes:], result_size(x_shape, weight_shape, stride, pads, gaps, groups)

    def pair(values: Sequence[int], one: int = 1) -> Pair:
        return (values[0], values[1]) if axes == 2 else (one, values[0])

    lead = x_shape[: -axes - 1]
    plan = _Plan(
        batch=math.prod(lead),
        groups=groups,
        ins=ins,
        outs=outs // groups,
        size=pair(size),
        out=pair(out),
        kernel=pair(kernel),
        stride=pair(stride),
        pad=pair([before for before, _ in pads], 0),
        gap=pair(gaps),
    )
    return plan, (*lead, outs, *out)


def operands(x: Any, weight: Any, bias: Any, form: Sequence[str]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Input, weight and bias of a convolution as tensors; `form` names the weight's axes.

    Raises:
        TypeError: not float32. ValueError: a weight with another number of axes, or without taps.
    """
    x, weight = as_tensor("x", x), as_tensor("weight", weight)
    bias = None if bias is None else as_tensor("bias", bias)
    for label, t in (("x", x), ("weight", weight), ("bias", bias)):
        if t is not None and t.dtype is not FLOAT32:
            raise TypeError(f"{label} must be float32, not {t.dtype}")
    if weight.ndim != len(form) or 0 in weight.shape[2:]:
        raise ValueError(f"weight has shape {weight.shape}; expected ({', '.join(form)})")
    return x, weight, bias


def run(
    name: str, x: Tensor, weight: Tensor, bias: Tensor | None, plan: _Plan, shape: tuple[int, ...], *, back: bool
) -> Tensor:
    """The convolution of a plan, or with `back` its transpose, as a recorded operation with a result of `shape`."""
    image, result = (plan.batch, plan.groups * plan.ins, *plan.size), (plan.batch, plan.groups * plan.outs, *plan.out)
    before, after = (result, image) if back else (image, result)
    if bias is not None:
        arguments.shape("bias", bias.shape, (after[1],))
    y = _apply(x._alias(before), weight, bias, plan, back=back)._alias(shape)
    inputs = (x, weight) if bias is None else (x, weight, bias)

    def backward(g: Tensor) -> list[Tensor | None]:
        given, whole = x._alias(before), g._alias(after)
        pair = (given, whole) if back else (whole, given)
        grads: list[Tensor | None] = [
            _apply(whole, weight, None, plan, back=not back)._alias(x.shape) if x.requires_grad else None,
            _weight_gradient(*pair, plan, weight.shape) if weight.requires_grad else None,
        ]
        if bias is not None:
            grads.append(reduce("sum", whole, (0, 2, 3), False) if bias.requires_grad else None)
        return grads

    record(name, inputs, (y,), backward)
    return y


def _conv(x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any, axes: int) -> Tensor:
    x, weight, bias = operands(x, weight, bias, ("out", "in / groups", *(("k",) if axes == 1 else ("kh", "kw"))))
    steps, gaps = numbers("stride", stride, axes, 1), numbers("dilation", dilation, axes, 1)
    pads = padding_widths(padding, weight.shape[2:], steps, gaps)
    plan, shape = _plan(x.shape, weight.shape, steps, pads, gaps, arguments.size("groups", groups))
    return run(f"conv{axes}d", x, weight, bias, plan, shape, back=False)


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Literal["same", "valid"] | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation along the last axis, as `torch.nn.functional.conv1d` defines it.

    y[b, o, l] = bias[o] + sum over i, k of x[b, i, l * stride - padding + k * dilation] * weight[o, i, k], where i runs
    over the channels of o's group and x is 0 outside.

    Args:
        x: (B, C, L) or (C, L).
        weight: (out, C / groups, k).
        bias: (out,) or None.
        stride: steps between results.
        padding: zeros at both ends; 'valid' is 0, 'same' keeps L (stride 1 only; an odd one goes to the end).
        dilation: steps between the kernel's taps.
        groups: the channels are cut into so many groups that do not mix; out must be a multiple.

    Returns:
        (B, out, (L + 2 * padding - dilation * (k - 1) - 1) // stride + 1), or without B.

    Raises:
        ValueError: shapes that don't fit each other, or a kernel that doesn't fit in. TypeError: not float32, or no
            whole numbers.
    """
    return _conv(x, weight, bias, stride, padding, dilation, groups, 1)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Literal["same", "valid"] | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation over the last two axes, as `torch.nn.functional.conv2d` defines it.

    y[b, o, v, u] = bias[o] + sum over i, j, k of x[b, i, v * stride - padding + j * dilation, u * stride - padding +
    k * dilation] * weight[o, i, j, k], where i runs over the channels of o's group and x is 0 outside.

    Args:
        x: (B, C, H, W) or (C, H, W).
        weight: (out, C / groups, kh, kw).
        bias: (out,) or None.
        stride: steps between results; one number, or (vertical, horizontal), as for padding and dilation.
        padding: zeros on both sides; 'valid' is 0, 'same' keeps H and W (stride 1 only; an odd one goes to the end).
        dilation: steps between the kernel's taps.
        groups: the channels are cut into so many groups that do not mix; out must be a multiple.

    Returns:
        (B, out, OH, OW), or without B; OH = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1, OW likewise.

    Raises:
        ValueError: shapes that don't fit each other, or a kernel that doesn't fit in. TypeError: not float32, or no
            whole numbers.
    """
    return _conv(x, weight, bias, stride, padding, dilation, groups, 2)
