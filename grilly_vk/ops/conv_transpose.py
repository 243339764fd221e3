"""Transposed convolutions: the gradient of a convolution to its input, as a forward pass of its own."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from .. import arguments
from ..tensor import Tensor
from ..typing import ArrayLike
from .conv import Pair, _Plan, numbers, operands, run, timed


@functools.lru_cache(maxsize=256)
def _plan(
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    more: tuple[int, ...],
    gaps: tuple[int, ...],
    groups: int,
) -> tuple[_Plan, tuple[int, ...]]:
    """The convolution that this is the gradient of, and the shape of the result.

    Raises:
        ValueError: shapes that don't fit.
    """
    axes = len(stride)
    wanted = "L" if axes == 1 else "H, W"
    ins, outs, *kernel = weight_shape
    if len(x_shape) not in (axes + 1, axes + 2):
        raise ValueError(
            f"x has shape {x_shape}; expected (B, {ins}, {wanted}) or ({ins}, {wanted}){timed(x_shape, axes)}"
        )
    if ins % groups:
        raise ValueError(f"weight has {ins} inputs, which groups={groups} does not divide")
    channels, size = x_shape[-axes - 1], x_shape[-axes:]
    if channels != ins:
        raise ValueError(f"x has {channels} channels (shape {x_shape}); weight {weight_shape} expects {ins}")
    if min(size) < 1:
        raise ValueError(f"x has shape {x_shape}; expected ({wanted}) above 0")
    for m, s, d in zip(more, stride, gaps):
        if m >= max(s, d):
            raise ValueError(f"output_padding {more} must be smaller than stride {stride} or dilation {gaps}")
    out = tuple((n - 1) * s - 2 * p + d * (k - 1) + m + 1
                for n, s, p, d, k, m in zip(size, stride, pads, gaps, kernel, more))  # fmt: skip
    if min(out) < 1:
        raise ValueError(f"x has shape {x_shape}; with padding {pads} nothing is left of the result, {out}")

    def pair(values: Sequence[int], one: int = 1) -> Pair:
        return (values[0], values[1]) if axes == 2 else (one, values[0])

    lead = x_shape[: -axes - 1]
    plan = _Plan(
        batch=math.prod(lead),
        groups=groups,
        ins=outs,
        outs=ins // groups,
        size=pair(out),
        out=pair(size),
        kernel=pair(kernel),
        stride=pair(stride),
        pad=pair(pads, 0),
        gap=pair(gaps),
    )
    return plan, (*lead, groups * outs, *out)


def _transposed(
    x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: Any, dilation: Any,
    axes: int,
) -> Tensor:  # fmt: skip
    x, weight, bias = operands(x, weight, bias, ("in", "out / groups", *(("k",) if axes == 1 else ("kh", "kw"))))
    steps, gaps = numbers("stride", stride, axes, 1), numbers("dilation", dilation, axes, 1)
    pads, more = numbers("padding", padding, axes, 0), numbers("output_padding", output_padding, axes, 0)
    plan, shape = _plan(x.shape, weight.shape, steps, pads, more, gaps, arguments.size("groups", groups))
    return run(f"conv_transpose{axes}d", x, weight, bias, plan, shape, back=True)


def conv_transpose1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The transpose of `conv1d` along the last axis, as `torch.nn.functional.conv_transpose1d` defines it.

    y[b, o, l * stride - padding + k * dilation] is the sum over l, k and the inputs i of o's group of x[b, i, l] *
    weight[i, o, k], plus bias[o].

    Args:
        x: (B, C, L) or (C, L).
        weight: (C, out / groups, k).
        bias: (out,) or None.
        stride: steps between where neighbours of x go.
        padding: elements that are cut off at both ends.
        output_padding: elements more at the end; below stride or dilation.
        groups: the channels are cut into so many groups that do not mix; C must be a multiple.
        dilation: steps between the kernel's taps.

    Returns:
        (B, out, (L - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1), or without B.

    Raises:
        ValueError: shapes that don't fit each other, or an empty result. TypeError: not float32, or no whole numbers.
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, groups, dilation, 1)


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The transpose of `conv2d` over the last two axes, as `torch.nn.functional.conv_transpose2d` defines it.

    Args:
        x: (B, C, H, W) or (C, H, W).
        weight: (C, out / groups, kh, kw).
        bias: (out,) or None.
        stride, padding, output_padding, dilation: as in `conv_transpose1d`; one number, or (vertical, horizontal).
        groups: the channels are cut into so many groups that do not mix; C must be a multiple.

    Returns:
        (B, out, OH, OW), or without B; OH = (H - 1) * stride - 2 * padding + dilation * (kh - 1) + output_padding + 1,
        OW likewise.

    Raises:
        ValueError: shapes that don't fit each other, or an empty result. TypeError: not float32, or no whole numbers.
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, groups, dilation, 2)
