"""Spikes and potentials over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..typing import ArrayLike
from .axes import GREY, a_text, known_color, legend_on_top, new_axes, one_sample, time_axis, time_limits


def raster(
    spikes: ArrayLike,
    ax: Any = None,
    *,
    sample: int = 0,
    dt: float | None = None,
    first_step: int = 0,
    color: Any = "black",
    size: float | None = None,
) -> Any:
    """Draws each spike as a mark at its time and its neuron.

    Where marks would cover each other (many neurons, many steps, busy ones), it draws an image instead: the darker, the
    larger the share of steps with a spike.

    Args:
        spikes: (T,), (T, n) or (T, B, ...), where anything but 0 is a spike; the axes after B are neurons, in C order.
        ax: matplotlib axes; None: new ones.
        sample: of a batch, which one, default 0.
        dt: length of a step in seconds, for an axis in ms; None: an axis in steps.
        first_step: number of the first step, default 0.
        color: of the marks.
        size: their height in points, and marks whatever they cover; None: by the number of neurons.

    Returns:
        The axes; the marks are their last line, or the image, whose values lie between 0 and 1, is their last image.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such array, NaN in it, or no such sample.
    """
    values = one_sample("spikes", spikes, sample)
    unit, label = time_axis(dt)
    first = arguments.size("first_step", first_step, 0)
    known_color("color", color)
    if np.isnan(values).any():
        where = tuple(np.argwhere(np.isnan(values))[0].tolist())
        raise ValueError(f"spikes holds NaN, first at (step, neuron) {where}")
    height = None if size is None else arguments.positive("size", size)
    ax = new_axes(ax)
    step, neuron = np.nonzero(values)
    n = values.shape[1]
    tall = float(np.clip(220 / max(1, n), 1.5, 12.0)) if height is None else height
    if height is None and len(step) * tall * _MARK > _MOST_INK * _points(ax):
        share = _shares(values)
        left, right = time_limits(first, len(values), unit)
        extent = (left, right, -0.5, n - 0.5)
        ax.imshow(
            share, cmap=_shades(color), vmin=0.0, vmax=share.max(), extent=extent,
            aspect="auto", origin="lower", interpolation="nearest",
        )  # fmt: skip
    else:
        # A point for each spike in one line: an artist for each neuron takes seconds for thousands of them.
        many = len(step) > 20000
        ax.plot((first + step) * unit, neuron, "|", color=color, ms=tall, mew=_MARK, rasterized=many)
    ax.set(xlabel=label, ylabel="neuron", xlim=time_limits(first, len(values), unit), ylim=(-0.5, max(n, 1) - 0.5))
    return ax


def potentials(
    v: ArrayLike,
    ax: Any = None,
    *,
    threshold: float | None = None,
    spikes: ArrayLike | None = None,
    neurons: Any = None,
    sample: int = 0,
    dt: float | None = None,
    first_step: int = 0,
    unit: str = "a.u.",
) -> Any:
    """Draws membrane potentials over time, one line per neuron.

    Args:
        v: (T,), (T, n) or (T, B, ...), as in `raster`.
        ax: matplotlib axes; None: new ones.
        threshold: drawn as a dashed line; None: none.
        spikes: of the shape of v; each is marked by a short line above threshold and potentials, in its neuron's row.
        neurons: which ones, as a number or a list; None: the first five.
        sample, dt, first_step: as in `raster`.
        unit: of the potential, in the axis' label; default arbitrary units.

    Returns:
        The axes, with a legend if there are several neurons.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such arrays, or shapes that differ; no such sample or neuron.
    """
    words = a_text("unit", unit)
    values = one_sample("v", v, sample)
    fired = None if spikes is None else one_sample("spikes", spikes, sample)
    if fired is not None and fired.shape != values.shape:
        raise ValueError(f"spikes has {fired.shape} steps and neurons; expected {values.shape}, as v has")
    level = None if threshold is None else arguments.real("threshold", threshold)
    step_ms, label = time_axis(dt)
    first = arguments.size("first_step", first_step, 0)
    n = values.shape[1]
    if neurons is None:
        neurons = range(min(5, n))
    chosen = [arguments.size("neurons", i, 0) for i in (neurons if np.iterable(neurons) else [neurons])]
    if chosen and max(chosen) >= n:
        raise ValueError(f"neurons: there is no neuron {max(chosen)}; v has {n}")
    ax = new_axes(ax)
    time = (first + np.arange(len(values))) * step_ms
    shown = values[:, chosen]
    finite = shown[np.isfinite(shown)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    base = high if level is None else max(high, level)
    tall = 0.1 * ((base - low) or 1.0)
    for row, i in enumerate(chosen):
        (line,) = ax.plot(time, values[:, i], lw=1.0, label=f"neuron {i}")
        if fired is not None:
            foot = base + row * tall  # a row for each neuron: spikes of one step would hide each other
            ax.vlines(time[fired[:, i] != 0], foot, foot + 0.8 * tall, color=line.get_color(), lw=1.0)
    if level is not None:
        ax.axhline(level, color=GREY, lw=0.8, ls="--", label="threshold")
    ax.set(xlabel=label, ylabel=f"membrane potential ({words})", xlim=time_limits(first, len(values), step_ms))
    if len(chosen) > 1:
        legend_on_top(ax)
    return ax


# ---- inside ----

_MARK = 1.0  # points that a mark is wide
_MOST_INK = 0.5  # of the axes' area; beyond it marks are a black field
_CELLS = (250, 500)  # of the image, at most: about a point each


def _points(ax: Any) -> float:
    """Area of axes in square points."""
    box = ax.get_position()
    wide, high = ax.figure.get_size_inches() * 72.0
    return float(box.width * wide * box.height * high)


def _shares(values: np.ndarray) -> np.ndarray:
    """(rows, columns): the share of spikes in each cell of neurons and steps."""
    share = (values != 0).T.astype(np.float64)
    for axis, most in enumerate(_CELLS):
        n = share.shape[axis]
        begins = np.unique(np.arange(min(n, most)) * n // min(n, most))
        counts = np.diff(np.append(begins, n))
        share = np.add.reduceat(share, begins, axis) / (counts[:, None] if axis == 0 else counts)
    return share


def _shades(color: Any) -> Any:
    """From white to a colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("spikes", ["white", color])
