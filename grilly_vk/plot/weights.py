"""Weights as matrices and as receptive fields."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..typing import ArrayLike
from .axes import new_axes, numbers


def weight_map(
    weight: ArrayLike,
    ax: Any = None,
    *,
    shape: tuple[int, int] | None = None,
    columns: int | None = None,
    limit: float | None = None,
    colorbar: bool = True,
) -> Any:
    """Draws a weight matrix, or each output's weights as a small picture of its own: its receptive field.

    Red is positive and blue negative, on a scale that is symmetric about 0.

    Args:
        weight: (out, in); or of a convolution (out, in, height, width), which is drawn as one field for each pair.
        ax: matplotlib axes; None: new ones.
        shape: (height, width) of a receptive field, height * width = in; None: the matrix as it is.
        columns: receptive fields side by side; None: as many as make a square.
        limit: the weight at which the colours end; None: the largest in size.
        colorbar: whether to draw one beside the axes, default True.

    Returns:
        The axes; their only image holds the matrix, or the fields with NaN between them.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such array, or a shape that does not fit it.
    """
    arguments.flag("colorbar", colorbar)
    values = numbers("weight", weight)
    if values.ndim not in (2, 4):
        raise ValueError(f"weight has shape {values.shape}; expected (out, in) or (out, in, height, width)")
    fields = None
    if values.ndim == 4:
        if shape is not None:
            raise ValueError(f"shape goes with a matrix; weight has shape {values.shape}, which says it already")
        fields = values.reshape(-1, *values.shape[2:])
    elif shape is not None:
        high, wide = (arguments.size("shape", size) for size in arguments.wholes("shape", shape))
        if high * wide != values.shape[1]:
            raise ValueError(f"shape {(high, wide)} has {high * wide} pixels; weight has {values.shape[1]} inputs")
        fields = values.reshape(-1, high, wide)
    if fields is None and columns is not None:
        raise ValueError("columns goes with receptive fields; give their shape")
    finite = values[np.isfinite(values)]
    if limit is not None:
        arguments.positive("limit", limit)
    end = (float(np.abs(finite).max()) if finite.size else 0.0) or 1.0 if limit is None else float(limit)
    per_row = None if columns is None else arguments.size("columns", columns)
    ax = new_axes(ax)
    image = ax.imshow(
        values if fields is None else _grid(fields, per_row),
        cmap="RdBu_r", vmin=-end, vmax=end, interpolation="nearest", aspect="auto" if fields is None else "equal",
    )  # fmt: skip
    if fields is None:
        ax.set(xlabel="input", ylabel="output")
    else:
        ax.set(xticks=[], yticks=[], xlabel=f"{len(fields)} receptive fields, {fields.shape[1]} x {fields.shape[2]}")
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="weight")
    return ax


def _grid(fields: np.ndarray, columns: int | None) -> np.ndarray:
    """Pictures (n, height, width) side by side, one pixel of NaN between them."""
    n, high, wide = fields.shape
    columns = columns or max(1, math.ceil(math.sqrt(n)))
    rows = max(1, math.ceil(n / columns))
    out = np.full((rows * (high + 1) - 1, columns * (wide + 1) - 1), np.nan)
    for i, field in enumerate(fields):
        y, x = i // columns * (high + 1), i % columns * (wide + 1)
        out[y : y + high, x : x + wide] = field
    return out
