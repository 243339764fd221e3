"""Spikes of several populations in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import arguments
from .axes import new_axes, numbers


def population_raster(
    populations: Any,
    ax: Any = None,
    *,
    start: float = 0.0,
    stop: float | None = None,
    share: float = 1.0,
    size: float | None = None,
) -> Any:
    """Draws each spike of simulated populations as a dot at its time, a colour and a band of rows for each population.

    Args:
        populations: of `grilly_vk.sim`, a list of those that recorded spikes; or a dict, by name, of triples (times in
            ms, numbers of the neurons, how many neurons there are).  The first is on top.
        ax: matplotlib axes; None: new ones.
        start, stop: ms; default all.
        share: of the neurons that are drawn, evenly taken, above 0 and at most 1; default all.
        size: of a dot in points; None: by the number of neurons.

    Returns:
        The axes; each population is one of their lines, in order, and the rows grow downwards.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such populations, or numbers that don't fit.
    """
    found = _found(populations)
    first = arguments.number("start", start)
    last = None if stop is None else arguments.number("stop", stop)
    part = arguments.between("share", share, 0.0, 1.0)
    if part == 0 or (last is not None and last <= first):
        raise ValueError(f"share must be above 0 and stop later than start, got {share}, {start} and {stop}")
    total = sum(n for *_, n in found)
    dot = float(np.clip(600 / max(1.0, total * part), 0.8, 6.0)) if size is None else arguments.positive("size", size)
    ax = new_axes(ax)
    row, middles, ends = 0, [], []
    for k, (name, times, who, n) in enumerate(found):
        kept = min(n, max(1, round(n * part)))
        of = np.full(max(n, 1), -1, np.int64)
        of[np.arange(kept) * n // max(1, kept)] = np.arange(kept)
        rows = of[who]
        inside = (rows >= 0) & (times > first) & ((times <= last) if last is not None else True)
        ax.plot(times[inside], row + rows[inside], ".", color=f"C{k % 10}", ms=dot, mew=0, label=name, rasterized=True)
        middles.append(row + (kept - 1) / 2)
        ends += times[inside].tolist()[-1:]
        row += kept
    ax.set_yticks(middles, [name for name, *_ in found])
    for label, line in zip(ax.get_yticklabels(), ax.lines[-len(found) :] if found else []):
        label.set_color(line.get_color())
    right = last if last is not None else max(ends, default=first + 1.0)
    ax.set(xlabel="time (ms)", xlim=(first, max(right, first + 1e-6)), ylim=(max(row, 1) - 0.5, -0.5))
    return ax


def _found(populations: Any) -> list[tuple[str, np.ndarray, np.ndarray, int]]:
    """Name, times, numbers and size of each."""
    if isinstance(populations, Mapping):
        given = []
        for name, triple in populations.items():
            if not isinstance(triple, (tuple, list)) or len(triple) != 3:
                raise TypeError(f"populations[{name!r}] must be (times, numbers, size), not {type(triple).__name__}")
            given.append((str(name), triple))
    else:
        listed = arguments.several("populations", populations, "populations")
        for p in listed:
            if not all(hasattr(p, wanted) for wanted in ("spikes", "size", "label")):
                raise TypeError(f"populations must be those of grilly_vk.sim or a dict, got a {type(p).__name__}")
        given = [(p.label, (*p.spikes, p.size)) for p in listed]
    out = []
    for name, (times, who, n) in given:
        t, i = (numbers(f"populations[{name!r}]", v).reshape(-1) for v in (times, who))
        count = arguments.size(f"populations[{name!r}][2]", n, 0)
        if t.shape != i.shape or (i.size and not (i.min() >= 0 and i.max() < count)):
            raise ValueError(f"populations[{name!r}] must have a neuron below {count} for each of {t.size} times")
        out.append((name, np.asarray(t, np.float64), i.astype(np.int64), count))
    return out
