"""Distributions of firing rates, and rates against what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import arguments
from ..errors import warn
from ..tensor import Tensor
from ..typing import ArrayLike
from .axes import GREY, legend_on_top, new_axes, numbers


def rate_histogram(
    rates: ArrayLike | Mapping[str, ArrayLike], ax: Any = None, *, bins: int = 20, dt: float | None = None
) -> Any:
    """Draws how many neurons fire at which rate, with the mean as a dashed line.

    Args:
        rates: spikes per step, of any shape; or a dict of such by name, such as a RateMonitor.  Of spikes (bool arrays
            of more than one axis, Tensors marked as spikes, a SpikeMonitor), as (T, n) or (T, B, ...), the means over
            T and B are taken.
        ax: matplotlib axes; None: new ones.
        bins: default 20, between 0 and the largest rate.
        dt: length of a step in seconds, for rates in Hz; None: in spikes per step.

    Returns:
        The axes, with a legend if there are several.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such arrays, rates below 0, or an array of 0 and 1 that may hold spikes.
    """
    bins = arguments.size("bins", bins)
    per = 1.0 if dt is None else 1.0 / arguments.positive("dt", dt)
    found = {name: values * per for name, values in _by_name("rates", rates).items()}
    top = max((float(values.max()) for values in found.values() if values.size), default=0.0) or per
    ax = new_axes(ax)
    several = len(found) > 1
    for name, values in found.items():
        kind: Any = {"histtype": "step", "lw": 1.3} if several else {"rwidth": 0.9}
        counts, _, patches = ax.hist(values, bins=bins, range=(0.0, top), label=name or None, **kind)
        if values.size:
            patch = patches[0]
            color = patch.get_edgecolor() if several else GREY
            ax.plot([values.mean()] * 2, [0, counts.max()], color=color, lw=1.0, ls="--")
    ax.set(xlabel="firing rate (spikes per step)" if dt is None else "firing rate (Hz)", ylabel="neurons")
    if several:
        legend_on_top(ax)
    return ax


def rate_boxes(rates: ArrayLike | Mapping[str, ArrayLike], ax: Any = None) -> Any:
    """Draws the distribution of firing rates of several layers, the first on top.

    For each: a thin line from the 5 % to the 95 % quantile, a thick one from 25 % to 75 %, a dot at the median and a
    cross at the mean.

    Args:
        rates: a dict of arrays by name, in spikes per step, such as a RateMonitor; or spikes, as in `rate_histogram`.
        ax: matplotlib axes; None: new ones.

    Returns:
        The axes; layer i is at the height i.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such arrays, rates below 0, or an array of 0 and 1 that may hold spikes.
    """
    found = _by_name("rates", rates)
    levels = np.array(
        [np.quantile(v, (0.05, 0.25, 0.5, 0.75, 0.95)) if v.size else np.full(5, np.nan) for v in found.values()]
    )
    means = [v.mean() if v.size else np.nan for v in found.values()]
    levels, rows = levels.reshape(-1, 5), np.arange(len(found))
    ax = new_axes(ax)
    ax.hlines(rows, levels[:, 0], levels[:, 4], color=GREY, lw=1.0, label="5 % to 95 %")
    ax.hlines(rows, levels[:, 1], levels[:, 3], color=GREY, lw=5.0, label="25 % to 75 %")
    ax.plot(levels[:, 2], rows, "o", color="black", ms=5, label="median")
    ax.plot(means, rows, "x", color="#c1432e", ms=6, label="mean")
    ax.set_yticks(rows, list(found))
    ax.set(xlabel="firing rate (spikes per step)", ylim=(len(found) - 0.5, -0.5))
    ax.set_xlim(left=min(0.0, ax.get_xlim()[0]))
    legend_on_top(ax, columns=2)
    return ax


def rate_scatter(layers: Any, ax: Any = None, *, most: int = 2000) -> Any:
    """Draws the means of spikes over time against the activations that they stand for, one colour per layer.

    Args:
        layers: (means, activations) by name, as `grilly_vk.nn.conversion.rates_and_activations` gives them.
        ax: matplotlib axes; None: new ones.
        most: points per layer at most, evenly taken (default 2000).

    Returns:
        The axes, with a legend.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such pairs.
    """
    if not isinstance(layers, Mapping):
        raise TypeError(f"layers must be a dict of (means, activations), not {type(layers).__name__}")
    count = arguments.size("most", most)
    ax, top = new_axes(ax), 0.0
    for name, pair in layers.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"layers[{name!r}] must be a pair (means, activations), not {type(pair).__name__}")
        means, activations = pair
        y, x = (numbers(f"layers[{name!r}]", v).reshape(-1) for v in (means, activations))
        if x.size != y.size:
            raise ValueError(f"layers[{name!r}] has {y.size} means and {x.size} activations")
        every = max(1, x.size // count)
        ax.plot(x[::every], y[::every], ".", ms=3, alpha=0.5, label=f"layer {name}", rasterized=True)
        top = max(top, float(x[::every].max(initial=0.0)))
    ax.plot([0, top], [0, top], color=GREY, lw=0.8, ls="--")
    ax.set(xlabel="activation", ylabel="mean of the spikes")
    legend_on_top(ax)
    return ax


# ---- inside ----


def _by_name(name: str, value: Any) -> dict[str, np.ndarray]:
    """Rates as flat arrays by name; a single one has the name ""."""
    holds = getattr(value, "holds", None)  # of a monitor
    if holds not in (None, "rates", "spikes"):
        raise TypeError(f"{name} must be rates or spikes; a {type(value).__name__} keeps something else")
    if isinstance(value, Mapping) and not value:
        raise ValueError(f"{name} is empty; expected an array for at least one layer")
    found = {}
    for key, given in value.items() if isinstance(value, Mapping) else [("", value)]:
        of = f"{name} of {key}" if key != "" else name
        spikes = holds == "spikes" or (isinstance(given, Tensor) and given.is_spikes)
        found[str(key)] = _rates(of, numbers(of, given), spikes, holds == "rates")
    return found


def _rates(name: str, values: np.ndarray, spikes: bool, certain: bool) -> np.ndarray:
    """One rate per neuron, from rates or from what is known to be spikes; what could be either is refused."""
    spikes = spikes or (values.dtype == np.bool_ and values.ndim > 1)
    if spikes:
        if values.ndim < 1:
            raise ValueError(f"{name} is a single spike; expected (T,), (T, n) or (T, B, ...)")
        return values.mean(axis=(0, 1) if values.ndim > 2 else 0, dtype=np.float64).reshape(-1)
    if not certain and values.ndim > 1 and values.any() and ((values == 0) | (values == 1)).all():
        raise ValueError(
            f"{name} of shape {values.shape} is all 0 and 1: for spikes of (T, ...) give their mean over time, "
            "such as spikes.mean(0); for rates flatten it, rates.reshape(-1)"
        )
    flat = values.reshape(-1)
    finite = np.isfinite(flat)
    if not finite.all():
        warn(f"{name}: {flat.size - finite.sum()} of {flat.size} are not finite and left out")
        flat = flat[finite]
    if flat.size and flat.min() < 0:
        raise ValueError(f"{name} must not be negative, got {flat.min():g}; are these potentials?")
    return flat
