"""Convolutions and their transposes: what they take is checked here."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal

from .. import arguments
from ..errors import shown
from ..ops.conv import Pair, conv
from ..ops.conv3d import conv3d as conv_frames
from ..ops.elementwise import as_tensor
from ..ops.matrix_product import PRECISIONS
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"]

_SIZES = ("", "L", "H, W", "D, H, W")
_TAPS = ((), ("k",), ("kh", "kw"), ("kd", "kh", "kw"))


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Literal["same", "valid"] | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    precision: str = "float32",
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
        precision: of the products, also those in gradients: "float32" (default), or "float16", which takes matrix
            units: x, weight and the result's gradient are rounded to float16 (beyond 65504 infinite), sums are float32.

    Returns:
        (B, out, (L + 2 * padding - dilation * (k - 1) - 1) // stride + 1), or without B.

    Raises:
        ValueError: shapes that don't fit each other, a kernel that doesn't fit in, or another precision.
        TypeError: not float32, or no whole numbers.
        DeviceError: precision "float16" on a device without such matrix units.
    """
    return _conv(x, weight, bias, stride, padding, dilation, groups, 1, precision)


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Literal["same", "valid"] | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    precision: str = "float32",
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
        precision: as in `conv1d`.

    Returns:
        (B, out, OH, OW), or without B; OH = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1, OW likewise.

    Raises:
        ValueError: shapes that don't fit each other, a kernel that doesn't fit in, or another precision.
        TypeError: not float32, or no whole numbers.
        DeviceError: precision "float16" on a device without such matrix units.
    """
    return _conv(x, weight, bias, stride, padding, dilation, groups, 2, precision)


def conv3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Literal["same", "valid"] | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    precision: str = "float32",
) -> Tensor:
    """Cross-correlation over the last three axes, as `torch.nn.functional.conv3d` defines it.

    Args:
        x: (B, C, D, H, W) or (C, D, H, W).
        weight: (out, C / groups, kd, kh, kw).
        bias: (out,) or None.
        stride: steps between results; one number, or (depth, vertical, horizontal), as for padding and dilation.
        padding: zeros on both sides; 'valid' is 0, 'same' keeps D, H and W (stride 1 only; an odd one goes to the end).
        dilation: steps between the kernel's taps.
        groups: the channels are cut into so many groups that do not mix; out must be a multiple.
        precision: as in `conv1d`.

    Returns:
        (B, out, OD, OH, OW), or without B; OD = (D + 2 * padding - dilation * (kd - 1) - 1) // stride + 1, OH and OW
        likewise.

    Raises:
        ValueError: shapes that don't fit each other, a kernel that doesn't fit in, or another precision.
        TypeError: not float32, or no whole numbers.
        DeviceError: precision "float16" on a device without such matrix units.
    """
    return _conv(x, weight, bias, stride, padding, dilation, groups, 3, precision)


def conv_transpose1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
    *,
    precision: str = "float32",
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
        precision: as in `conv1d`.

    Returns:
        (B, out, (L - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1), or without B.

    Raises:
        ValueError: shapes that don't fit each other, an empty result, or another precision.
        TypeError: not float32, or no whole numbers.
        DeviceError: precision "float16" on a device without such matrix units.
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, groups, dilation, 1, precision)


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
    *,
    precision: str = "float32",
) -> Tensor:
    """The transpose of `conv2d` over the last two axes, as `torch.nn.functional.conv_transpose2d` defines it.

    Args:
        x: (B, C, H, W) or (C, H, W).
        weight: (C, out / groups, kh, kw).
        bias: (out,) or None.
        stride, padding, output_padding, dilation: as in `conv_transpose1d`; one number, or (vertical, horizontal).
        groups: the channels are cut into so many groups that do not mix; C must be a multiple.
        precision: as in `conv1d`.

    Returns:
        (B, out, OH, OW), or without B; OH = (H - 1) * stride - 2 * padding + dilation * (kh - 1) + output_padding + 1,
        OW likewise.

    Raises:
        ValueError: shapes that don't fit each other, an empty result, or another precision.
        TypeError: not float32, or no whole numbers.
        DeviceError: precision "float16" on a device without such matrix units.
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, groups, dilation, 2, precision)


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
    return tuple((p, p) for p in arguments.sizes("padding", padding, len(kernel), 0))


def smaller(output_padding: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> None:
    """Raises ValueError: an output_padding that neither the stride nor the dilation exceeds."""
    if any(m >= max(s, d) for m, s, d in zip(output_padding, stride, dilation)):
        raise ValueError(f"output_padding {output_padding} must be smaller than stride {stride} or dilation {dilation}")


def _operands(x: Any, weight: Any, bias: Any, form: Sequence[str]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Input, weight and bias as float32 tensors; `form` names the weight's axes."""
    x = as_tensor("x", x, weight if isinstance(weight, Tensor) else None)
    weight = as_tensor("weight", weight, x)
    bias = None if bias is None else as_tensor("bias", bias, x)
    for label, t in (("x", x), ("weight", weight), ("bias", bias)):
        if t is not None and t.dtype is not FLOAT32:
            raise TypeError(f"{label} must be float32, not {t.dtype}")
    if weight.ndim != len(form) or 0 in weight.shape[2:]:
        raise ValueError(f"weight has shape {weight.shape}; expected ({', '.join(form)})")
    return x, weight, bias


def _fit(x_shape: tuple[int, ...], weight_shape: tuple[int, ...], axes: int, groups: int, *, back: bool) -> None:
    """Checks the number of axes and the channels."""
    channels = weight_shape[0] if back else groups * weight_shape[1]
    if len(x_shape) not in (axes + 1, axes + 2):
        # One axis too many is a time axis most often.
        timed = "; for all steps (T, B, ...) see F.set_step_mode(model, 'm') and nn.SeqToANNContainer"
        raise ValueError(
            f"x has shape {x_shape}; expected (B, {channels}, {_SIZES[axes]}) or ({channels}, {_SIZES[axes]})"
            + (timed if len(x_shape) == axes + 3 else "")
        )
    if weight_shape[0] % groups:
        raise ValueError(
            f"weight has {weight_shape[0]} {'inputs' if back else 'outputs'}, which groups={groups} does not divide"
        )
    if x_shape[-axes - 1] != channels:
        raise ValueError(
            f"x has {x_shape[-axes - 1]} channels (shape {x_shape}); weight {weight_shape}"
            f"{'' if back else f' with groups={groups}'} expects {channels}"
        )


@functools.lru_cache(maxsize=256)
def _result(
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[Pair, ...],
    gaps: tuple[int, ...],
    groups: int,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes of a convolution's result along the weight's last axes, and the padding before each.

    Raises:
        ValueError: shapes that don't fit.
    """
    axes = len(stride)
    _fit(x_shape, weight_shape, axes, groups, back=False)
    padded = [n + before + after for n, (before, after) in zip(x_shape[-axes:], pads)]
    spans = tuple([d * (k - 1) + 1 for d, k in zip(gaps, weight_shape[2:])])
    out = tuple([(n - c) // s + 1 for n, c, s in zip(padded, spans, stride)])
    if min(out) < 1:
        raise ValueError(
            f"x has shape {x_shape}, with its padding {tuple(padded)} along ({_SIZES[axes]}); the kernel covers {spans}"
            " and must fit in"
        )
    return out, tuple([before for before, _ in pads])


@functools.lru_cache(maxsize=256)
def _transposed_result(
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    more: tuple[int, ...],
    gaps: tuple[int, ...],
    groups: int,
) -> tuple[int, ...]:
    """The sizes of a transposed convolution's result along the weight's last axes.

    Raises:
        ValueError: shapes that don't fit.
    """
    axes = len(stride)
    _fit(x_shape, weight_shape, axes, groups, back=True)
    size = x_shape[-axes:]
    if min(size) < 1:
        raise ValueError(f"x has shape {x_shape}; expected ({_SIZES[axes]}) above 0")
    smaller(more, stride, gaps)
    out = tuple([(n - 1) * s - 2 * p + d * (k - 1) + m + 1
                 for n, s, p, d, k, m in zip(size, stride, pads, gaps, weight_shape[2:], more)])  # fmt: skip
    if min(out) < 1:
        raise ValueError(f"x has shape {x_shape}; with padding {pads} nothing is left of the result, {out}")
    return out


def _conv(
    x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any, axes: int, precision: Any
) -> Tensor:
    arguments.choice("precision", precision, PRECISIONS)
    x, weight, bias = _operands(x, weight, bias, ("out", "in / groups", *_TAPS[axes]))
    steps, gaps = arguments.sizes("stride", stride, axes, 1), arguments.sizes("dilation", dilation, axes, 1)
    pads = padding_widths(padding, weight.shape[2:], steps, gaps)
    groups = arguments.size("groups", groups)
    out, before = _result(x.shape, weight.shape, steps, pads, gaps, groups)
    if bias is not None:
        arguments.shape("bias", bias.shape, (weight.shape[0],))
    run = conv if axes < 3 else conv_frames
    if precision == "float16":
        x.engine.matrices.demand()
    return run(x, weight, bias, out, steps, before, gaps, groups, precision=precision)


def _transposed(
    x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: Any, dilation: Any,
    axes: int, precision: Any,
) -> Tensor:  # fmt: skip
    arguments.choice("precision", precision, PRECISIONS)
    x, weight, bias = _operands(x, weight, bias, ("in", "out / groups", *_TAPS[axes]))
    steps, gaps = arguments.sizes("stride", stride, axes, 1), arguments.sizes("dilation", dilation, axes, 1)
    pads, more = (
        arguments.sizes("padding", padding, axes, 0),
        arguments.sizes("output_padding", output_padding, axes, 0),
    )
    groups = arguments.size("groups", groups)
    out = _transposed_result(x.shape, weight.shape, steps, pads, more, gaps, groups)
    if bias is not None:
        arguments.shape("bias", bias.shape, (groups * weight.shape[1],))
    if precision == "float16":
        x.engine.matrices.demand()
    return conv(x, weight, bias, out, steps, pads, gaps, groups, back=True, precision=precision)
