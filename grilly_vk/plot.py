"""Pictures of spikes, potentials, rates, weights and training: matplotlib axes in, axes out.

Every function takes numpy arrays or Tensors and draws on the axes `ax`, or on new ones if there are none.  It returns
the axes, so titles, limits and files are matplotlib's matter: ``ax.figure.savefig("raster.png")``.  matplotlib is
needed when a function is called, not before: ``pip install 'grilly-vk[plot]'``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import arguments
from .tensor import Tensor

__all__ = [
    "accuracy_curve",
    "potentials",
    "raster",
    "rate_boxes",
    "rate_histogram",
    "rate_scatter",
    "training_curves",
    "weight_map",
]

_GREY = "#8a8f98"


def raster(
    spikes: Any,
    ax: Any = None,
    *,
    sample: int = 0,
    dt: float | None = None,
    first_step: int = 0,
    color: Any = "black",
    size: float | None = None,
) -> Any:
    """Draws each spike as a mark at its time and its neuron.

    Args:
        spikes: (T,), (T, n) or (T, B, ...), where anything but 0 is a spike; the axes after B are neurons, in C order.
        ax: matplotlib axes; None: new ones.
        sample: of a batch, which one, default 0.
        dt: length of a step in seconds, for an axis in ms; None: an axis in steps.
        first_step: number of the first step, default 0.
        color: of the marks.
        size: their height in points; None: by the number of neurons.

    Returns:
        The axes; the marks are their last line.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such array, or no such sample.
    """
    values = _sample("spikes", spikes, sample)
    unit, label = _time(dt)
    first = arguments.size("first_step", first_step, 0)
    ax = _axes(ax)
    step, neuron = np.nonzero(values)
    n = values.shape[1]
    height = float(np.clip(220 / max(1, n), 1.5, 12.0)) if size is None else arguments.positive("size", size)
    # A point for each spike in one line: an artist for each neuron takes seconds for thousands of them.
    ax.plot((first + step) * unit, neuron, "|", color=color, ms=height, mew=1.0, rasterized=len(step) > 20000)
    ax.set(xlabel=label, ylabel="neuron", xlim=_limits(first, len(values), unit), ylim=(-0.5, max(n, 1) - 0.5))
    return ax


def potentials(
    v: Any,
    ax: Any = None,
    *,
    threshold: float | None = None,
    spikes: Any = None,
    neurons: Any = None,
    sample: int = 0,
    dt: float | None = None,
    first_step: int = 0,
    unit: str = "a.u.",
) -> Any:
    """Draws membrane potentials over time, one line a neuron.

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
    values = _sample("v", v, sample)
    fired = None if spikes is None else _sample("spikes", spikes, sample)
    if fired is not None and fired.shape != values.shape:
        raise ValueError(f"spikes has {fired.shape} steps and neurons; expected {values.shape}, as v has")
    level = None if threshold is None else arguments.real("threshold", threshold)
    step_ms, label = _time(dt)
    first = arguments.size("first_step", first_step, 0)
    n = values.shape[1]
    if neurons is None:
        neurons = range(min(5, n))
    chosen = [arguments.size("neurons", i, 0) for i in (neurons if np.iterable(neurons) else [neurons])]
    if chosen and max(chosen) >= n:
        raise ValueError(f"neurons: there is no neuron {max(chosen)}; v has {n}")
    ax = _axes(ax)
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
        ax.axhline(level, color=_GREY, lw=0.8, ls="--", label="threshold")
    ax.set(xlabel=label, ylabel=f"membrane potential ({unit})", xlim=_limits(first, len(values), step_ms))
    if len(chosen) > 1:
        ax.legend(fontsize="small", loc="lower right")
    return ax


def rate_histogram(rates: Any, ax: Any = None, *, bins: int = 20, dt: float | None = None) -> Any:
    """Draws how many neurons fire at which rate, with the mean as a dashed line.

    Args:
        rates: spikes per step, of any shape; or a dict of such by name, such as a RateMonitor.
        ax: matplotlib axes; None: new ones.
        bins: default 20, between 0 and the largest rate.
        dt: length of a step in seconds, for rates in Hz; None: in spikes per step.

    Returns:
        The axes, with a legend if there are several.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such arrays.
    """
    bins = arguments.size("bins", bins)
    per = 1.0 if dt is None else 1.0 / arguments.positive("dt", dt)
    found = {name: values * per for name, values in _by_name("rates", rates).items()}
    top = max((float(values.max()) for values in found.values() if values.size), default=0.0) or per
    ax = _axes(ax)
    several = len(found) > 1
    for name, values in found.items():
        kind: Any = {"histtype": "step", "lw": 1.3} if several else {"rwidth": 0.9}
        _, _, patches = ax.hist(values, bins=bins, range=(0.0, top), label=name or None, **kind)
        if values.size:
            patch = patches[0]
            color = patch.get_edgecolor() if several else _GREY
            ax.axvline(float(values.mean()), color=color, lw=1.0, ls="--")
    ax.set(xlabel="firing rate (spikes per step)" if dt is None else "firing rate (Hz)", ylabel="neurons")
    if several:
        ax.legend(frameon=False, fontsize="small")
    return ax


def rate_boxes(rates: Any, ax: Any = None) -> Any:
    """Draws the distribution of firing rates of several layers, the first on top.

    For each: a thin line from the 5 % to the 95 % quantile, a thick one from 25 % to 75 %, a dot at the median and a
    cross at the mean.

    Args:
        rates: a dict of arrays by name, in spikes per step, such as a RateMonitor.
        ax: matplotlib axes; None: new ones.

    Returns:
        The axes; layer i is at the height i.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such arrays.
    """
    found = _by_name("rates", rates)
    levels = np.array(
        [np.quantile(v, (0.05, 0.25, 0.5, 0.75, 0.95)) if v.size else np.full(5, np.nan) for v in found.values()]
    )
    means = [v.mean() if v.size else np.nan for v in found.values()]
    levels, rows = levels.reshape(-1, 5), np.arange(len(found))
    ax = _axes(ax)
    ax.hlines(rows, levels[:, 0], levels[:, 4], color=_GREY, lw=1.0, label="5 % to 95 %")
    ax.hlines(rows, levels[:, 1], levels[:, 3], color=_GREY, lw=5.0, label="25 % to 75 %")
    ax.plot(levels[:, 2], rows, "o", color="black", ms=5, label="median")
    ax.plot(means, rows, "x", color="#c1432e", ms=6, label="mean")
    ax.set_yticks(rows, list(found))
    ax.set(xlabel="firing rate (spikes per step)", ylim=(len(found) - 0.5, -0.5))
    ax.set_xlim(left=min(0.0, ax.get_xlim()[0]))
    ax.legend(frameon=False, fontsize="small")
    return ax


def weight_map(
    weight: Any,
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
    values = _numbers("weight", weight)
    if values.ndim not in (2, 4):
        raise ValueError(f"weight has shape {values.shape}; expected (out, in) or (out, in, height, width)")
    fields = None
    if values.ndim == 4:
        if shape is not None:
            raise ValueError(f"shape goes with a matrix; weight has shape {values.shape}, which says it already")
        fields = values.reshape(-1, *values.shape[2:])
    elif shape is not None:
        high, wide = (arguments.size("shape", size) for size in shape)
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
    ax = _axes(ax)
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


def training_curves(history: Any, ax: Any = None, *, keys: Sequence[str] | None = None, x_label: str = "epoch") -> Any:
    """Draws metrics over epochs.  Two kinds of metric, such as losses and accuracies, get an axis each.

    The kind is the name without ``train_``, ``val_``, ``valid_`` or ``test_``.

    Args:
        history: a dict of lists by metric, or a list of dicts, one for each epoch; what is missing in one is left out.
        ax: matplotlib axes; None: new ones.
        keys: which metrics; None: all that are numbers.
        x_label: what is counted, default "epoch".

    Returns:
        The axes of the first kind; those of the second are the last in ``ax.figure.axes``.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such history, an unknown key, or more than two kinds.
    """
    curves = _curves(history)
    if keys is not None:
        missing = [key for key in keys if key not in curves]
        if missing:
            raise ValueError(f"keys: history has no {missing[0]!r}; it has {', '.join(map(repr, curves))}")
        curves = {key: curves[key] for key in keys}
    kinds = list(dict.fromkeys(map(_kind, curves)))
    if len(kinds) > 2:
        raise ValueError(f"history has {len(kinds)} kinds of metric ({', '.join(kinds)}); choose of two with keys=")
    ax = _axes(ax)
    sides = [ax, ax.twinx()] if len(kinds) == 2 else [ax]
    lines = []
    for i, (key, (epochs, values)) in enumerate(curves.items()):
        dashed = "--" if key.startswith(("val", "test")) else "-"
        side = sides[kinds.index(_kind(key))]
        lines += side.plot(epochs, values, dashed, marker="." if len(values) < 30 else None, color=f"C{i}", label=key)
    for side, kind in zip(sides, kinds):
        side.set_ylabel(kind)
    ax.set_xlabel(x_label)
    if len(lines) > 1:
        ax.legend(lines, [str(line.get_label()) for line in lines], frameon=False, fontsize="small")
    return ax


def accuracy_curve(evaluation: Any, ax: Any = None) -> Any:
    """Draws accuracy and spikes of a converted network against the number of steps, and the original's accuracy.

    Args:
        evaluation: what `grilly_vk.nn.evaluate` found.
        ax: matplotlib axes; None: new ones.

    Returns:
        The axes of the accuracy; those of the spikes are the last in ``ax.figure.axes``.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: no evaluation.
    """
    if not hasattr(evaluation, "rows") or not hasattr(evaluation, "ann_accuracy"):
        raise TypeError(f"evaluation must be what nn.evaluate found, not {type(evaluation).__name__}")
    ax = _axes(ax)
    steps = [row.T for row in evaluation.rows]
    side = ax.twinx()
    lines = ax.plot(steps, [100 * row.accuracy for row in evaluation.rows], "-o", ms=4, color="C0", label="accuracy")
    lines += [ax.axhline(100 * evaluation.ann_accuracy, color=_GREY, lw=0.8, ls="--", label="original network")]
    lines += side.plot(steps, [row.spikes for row in evaluation.rows], "-s", ms=3, lw=1, color="C1", label="spikes")
    ax.set_xscale("log", base=2)
    ax.set_xticks(steps, [str(t) for t in steps])
    ax.set(xlabel="steps", ylabel="accuracy (%)")
    side.set(ylabel="spikes per inference", ylim=(0, None))
    ax.legend(lines, [str(line.get_label()) for line in lines], frameon=False, fontsize="small", loc="lower right")
    return ax


def rate_scatter(layers: Any, ax: Any = None, *, most: int = 2000) -> Any:
    """Draws the means of spikes over time against the activations that they stand for, a colour a layer.

    Args:
        layers: (means, activations) by name, as `grilly_vk.nn.conversion.rates_and_activations` gives them.
        ax: matplotlib axes; None: new ones.
        most: points a layer at most, evenly taken (default 2000).

    Returns:
        The axes, with a legend.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such pairs.
    """
    if not isinstance(layers, Mapping):
        raise TypeError(f"layers must be a dict of (means, activations), not {type(layers).__name__}")
    count = arguments.size("most", most)
    ax, top = _axes(ax), 0.0
    for name, (means, activations) in layers.items():
        y, x = (_numbers(f"layers[{name!r}]", v).reshape(-1) for v in (means, activations))
        if x.size != y.size:
            raise ValueError(f"layers[{name!r}] has {y.size} means and {x.size} activations")
        every = max(1, x.size // count)
        ax.plot(x[::every], y[::every], ".", ms=3, alpha=0.5, label=f"layer {name}", rasterized=True)
        top = max(top, float(x[::every].max(initial=0.0)))
    ax.plot([0, top], [0, top], color=_GREY, lw=0.8, ls="--")
    ax.set(xlabel="activation", ylabel="mean of the spikes")
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


# ---- inside ----


def _axes(ax: Any) -> Any:
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


def _numbers(name: str, value: Any) -> np.ndarray:
    return value.numpy() if isinstance(value, Tensor) else arguments.numbers_of(name, value)


def _sample(name: str, value: Any, sample: int) -> np.ndarray:
    """(T, n) of one sample."""
    values = _numbers(name, value)
    if values.ndim < 1:
        raise ValueError(f"{name} is a single number; expected (T,), (T, n) or (T, B, ...)")
    if values.ndim < 3:
        return values.reshape(len(values), math.prod(values.shape[1:]))
    which = arguments.size("sample", sample, 0)
    if which >= values.shape[1]:
        raise ValueError(f"sample: there is no sample {which}; {name} has {values.shape[1]}")
    return values[:, which].reshape(len(values), math.prod(values.shape[2:]))


def _time(dt: float | None) -> tuple[float, str]:
    """Length of a step on the axis, and its label."""
    return (1.0, "time (steps)") if dt is None else (1000.0 * arguments.positive("dt", dt), "time (ms)")


def _limits(first: int, steps: int, unit: float) -> tuple[float, float]:
    return (first - 0.5) * unit, (first + max(steps, 1) - 0.5) * unit


def _by_name(name: str, value: Any) -> dict[str, np.ndarray]:
    """Flat arrays by name; a single one has the name ""."""
    items = value.items() if isinstance(value, Mapping) else [("", value)]
    return {str(key): _numbers(f"{name} of {key}" if key else name, v).reshape(-1) for key, v in items}


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


def _kind(key: str) -> str:
    for start in ("train_", "val_", "valid_", "test_"):
        key = key.removeprefix(start)
    return key


def _curves(history: Any) -> dict[str, tuple[list[int], list[float]]]:
    """Epochs, from 1, and values by metric."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    if isinstance(history, Mapping):
        for key, values in history.items():
            numbers = _numbers(str(key), values)
            if numbers.ndim != 1:
                raise ValueError(f"history[{key!r}] has shape {numbers.shape}; expected one number an epoch")
            found[str(key)] = (list(range(1, len(numbers) + 1)), numbers.tolist())
        return found
    if not isinstance(history, (list, tuple)) or not all(isinstance(epoch, Mapping) for epoch in history):
        raise TypeError(f"history must be a dict of lists or a list of dicts, not {type(history).__name__}")
    for number, epoch in enumerate(history, start=1):
        for key, value in epoch.items():
            if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and key != "epoch":
                epochs, numbers_so_far = found.setdefault(str(key), ([], []))
                epochs.append(number)
                numbers_so_far.append(float(value))
    return found
