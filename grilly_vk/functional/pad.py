"""Padding under PyTorch's name: widths from the last axis to the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .. import arguments
from ..ops import shape
from ..ops.elementwise import as_tensor
from ..tensor import Tensor
from ..typing import ArrayLike

__all__ = ["pad"]


def pad(
    input: ArrayLike, pad: Sequence[int], mode: Literal["constant"] = "constant", value: float | None = None
) -> Tensor:
    """More elements of `value` around the last axes.

    Args:
        input: Tensor or array-like (...).
        pad: (before, after) of the last axis, then of the one before it, and so on; none negative.
        mode: "constant" alone.
        value: default 0.

    Raises:
        TypeError, ValueError: widths that don't come in pairs or don't fit, or another mode.
    """
    arguments.choice("mode", mode, ("constant",))
    widths = arguments.wholes("pad", pad)
    if len(widths) % 2:
        raise ValueError(f"pad must hold pairs (before, after), got {len(widths)} widths")
    pairs = [(widths[i], widths[i + 1]) for i in range(len(widths) - 2, -1, -2)]
    return shape.pad(as_tensor("input", input), pairs, 0.0 if value is None else value)
