"""Images and sequences of another size: what is asked for is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .. import arguments
from ..errors import shown
from ..ops import resize as ops
from ..ops.elementwise import as_tensor
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike

__all__ = ["interpolate"]

MODES = ("nearest", "nearest-exact", "linear", "bilinear")
Numbers = tuple[float, ...]


def interpolate(
    x: ArrayLike,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear"] = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """x at another size along its last axis or two, as `torch.nn.functional.interpolate`.

    Args:
        x: (B, C, L) or (B, C, H, W).
        size: of the result; one number, or one for each of these axes.
        scale_factor: instead of size: the result is floor(factor * size) long.
        mode: "nearest" (default), "nearest-exact", "linear" for (B, C, L) or "bilinear" for (B, C, H, W).
        align_corners: of the linear modes: True: the centres of the first and last elements lie on each other, False
            or None: their outer edges do.
        recompute_scale_factor: True: places follow from the sizes, not from scale_factor.

    Returns:
        (B, C, OL) or (B, C, OH, OW).

    Raises:
        ValueError: shapes or a mode that don't fit, or an empty result. TypeError: not float32, or no numbers.
    """
    sizes, factors = settings(size, scale_factor, mode, align_corners)
    again = recompute_scale_factor is not None and arguments.flag("recompute_scale_factor", recompute_scale_factor)
    x = as_tensor("x", x)
    if x.dtype is not FLOAT32:
        raise TypeError(f"x must be float32, not {x.dtype}")
    axes = x.ndim - 2
    if axes not in (1, 2) or 0 in x.shape[2:]:
        raise ValueError(f"x has shape {x.shape}; expected (B, C, L) or (B, C, H, W) with L, H and W above 0")
    if {"linear": 1, "bilinear": 2}.get(mode, axes) != axes:
        raise ValueError(f"mode {mode!r} does not go with x of shape {x.shape}; 'linear' has one axis, 'bilinear' two")
    for name, given in (("size", sizes), ("scale_factor", factors)):
        if given is not None and len(given) not in (1, axes):
            raise ValueError(f"{name} must be one number or {axes} for x of shape {x.shape}, got {given}")
    inner, outer, scales = x.shape[2:], [], []
    for i, n in enumerate(inner):
        factor = None if factors is None else factors[i % len(factors)]
        out = int(n * factor) if factor is not None else sizes[i % len(sizes)]  # type: ignore[index, arg-type]
        if out < 1:
            raise ValueError(f"x has shape {x.shape}; with scale_factor {factors} nothing is left")
        outer.append(out)
        if mode.endswith("linear") and align_corners:
            scales.append(float(np.float32(n - 1) / np.float32(out - 1)) if out > 1 else 0.0)
        elif factor is not None and not again:
            scales.append(float(np.float32(1.0 / factor)))
        else:
            scales.append(float(np.float32(n) / np.float32(out)))
    kind = {"nearest": ops.NEAREST, "nearest-exact": ops.EXACT}.get(mode, ops.CORNERS if align_corners else ops.LINEAR)
    return ops.resize(x, outer, scales, kind)


def settings(
    size: Any,
    scale_factor: Any,
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear"],
    align_corners: bool | None,
) -> tuple[tuple[int, ...] | None, Numbers | None]:
    """size and scale_factor as tuples; one number is for every axis.

    Raises:
        TypeError, ValueError: both or none of them, no numbers above 0, another mode, or align_corners without one.
    """
    arguments.choice("mode", mode, MODES)
    if align_corners is not None and mode.startswith("nearest"):
        raise ValueError(f"align_corners={shown(align_corners)} needs mode 'linear' or 'bilinear', not {mode!r}")
    if align_corners is not None:
        arguments.flag("align_corners", align_corners)
    if (size is None) == (scale_factor is None):
        raise ValueError(f"one of size and scale_factor must be given, got {shown(size)} and {shown(scale_factor)}")

    def several(value: Any) -> tuple[Any, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,)

    sizes = None if size is None else tuple([arguments.size("size", n) for n in several(size)])
    factors = None
    if scale_factor is not None:
        factors = tuple([arguments.positive("scale_factor", f) for f in several(scale_factor)])
    return sizes, factors
