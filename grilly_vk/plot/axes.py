"""What all pictures share: axes, numbers, time, room for a legend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..tensor import Tensor

GREY = "#8a8f98"


def new_axes(ax: Any) -> Any:
    """The axes to draw on; new ones in a figure of their own where there are none."""
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                f"grilly_vk.plot needs matplotlib ({error}); install it with: pip install 'grilly-vk[plot]'"
            ) from error
        return plt.subplots(layout="constrained")[1]
    if not hasattr(ax, "plot") or not hasattr(ax, "set_xlabel"):
        raise TypeError(f"ax must be matplotlib axes or None, not {type(ax).__name__}")
    return ax


def numbers(name: str, value: Any) -> np.ndarray:
    return value.numpy() if isinstance(value, Tensor) else arguments.numbers_of(name, value)


def one_sample(name: str, value: Any, sample: int) -> np.ndarray:
    """(T, n) of one sample."""
    values = numbers(name, value)
    if values.ndim < 1:
        raise ValueError(f"{name} is a single number; expected (T,), (T, n) or (T, B, ...)")
    which = arguments.size("sample", sample, 0)
    if values.ndim < 3:
        return values.reshape(len(values), math.prod(values.shape[1:]))
    if which >= values.shape[1]:
        raise ValueError(f"sample: there is no sample {which}; {name} has {values.shape[1]}")
    return values[:, which].reshape(len(values), math.prod(values.shape[2:]))


def time_axis(dt: float | None) -> tuple[float, str]:
    """Length of a step on the axis, and its label."""
    return (1.0, "time (steps)") if dt is None else (1000.0 * arguments.positive("dt", dt), "time (ms)")


def time_limits(first: int, steps: int, unit: float) -> tuple[float, float]:
    return (first - 0.5) * unit, (first + max(steps, 1) - 0.5) * unit


def legend_on_top(ax: Any, lines: Any = None, *, columns: int = 3) -> None:
    """A legend above all that is drawn: the axes that share its place grow upwards to make room."""
    if lines is None:
        lines = ax.get_legend_handles_labels()[0]
    rows = math.ceil(len(lines) / columns)
    room = 0.05 + 0.075 * rows  # of the axes' height
    for side in ax.figure.axes:
        if side.get_position().bounds == ax.get_position().bounds:  # a twin too
            low, high = side.get_ylim()
            side.set_ylim(low, low + (high - low) / (1.0 - room))
    names = [str(line.get_label()) for line in lines]
    ax.legend(lines, names, frameon=False, fontsize="small", loc="upper center", ncols=columns)


def known_color(name: str, value: Any) -> None:
    """Whether matplotlib knows a colour.

    Raises:
        ValueError: it doesn't.
    """
    try:
        from matplotlib.colors import is_color_like
    except ImportError:
        return  # what draws says so

    if not is_color_like(value):
        raise ValueError(f"{name} must be a colour of matplotlib's, not {type(value).__name__} ({shown(value)})")


def a_text(name: str, value: Any) -> str:
    """Words for a label.

    Raises:
        TypeError: no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, not {type(value).__name__} ({shown(value)})")
    return value
