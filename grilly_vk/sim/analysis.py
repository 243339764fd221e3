"""Statistics of recorded spikes: rates, irregularity, correlations; float64 on the host.

`spikes` is a population or a part of one that recorded, or a pair of arrays (times in ms, numbers of neurons), which
needs `size`, and `stop`.  Only spikes with start < time <= stop count, as steps end at their time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from .population import PopulationView

__all__ = ["binned_counts", "correlations", "fano_factors", "firing_rates", "interval_cvs", "population_rate"]


def firing_rates(spikes: Any, size: int | None = None, *, start: float = 0.0, stop: float | None = None) -> np.ndarray:
    """Spikes per second of each neuron, float64 (size,).

    Args:
        spikes, size: see the module; `size` is a population's own.
        start, stop: ms; default from 0 to the network's time.

    Raises:
        TypeError, ValueError: no spikes, or times and sizes that don't fit.
    """
    _, who, n, begin, end = _read(spikes, size, start, stop)
    return np.bincount(who, minlength=n) / ((end - begin) / 1000)


def interval_cvs(
    spikes: Any, size: int | None = None, *, start: float = 0.0, stop: float | None = None, least: int = 2
) -> np.ndarray:
    """Standard deviation by mean of each neuron's intervals between spikes, float64 (size,); a Poisson process has 1.

    Args:
        spikes, size, start, stop: as `firing_rates`.
        least: intervals that a neuron must have, default 2; others get NaN.

    Raises:
        TypeError, ValueError: as `firing_rates`.
    """
    times, who, n, *_ = _read(spikes, size, start, stop)
    least = arguments.size("least", least)
    order = np.lexsort((times, who))
    of, interval = who[order][1:], np.diff(times[order])
    inside = of == who[order][:-1]
    of, interval = of[inside], interval[inside]
    count = np.bincount(of, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of, interval, n) / count
        deviation = np.sqrt(np.bincount(of, (interval - mean[of]) ** 2, n) / count)
        return np.where(count >= least, deviation / mean, np.nan)


def population_rate(
    spikes: Any, size: int | None = None, *, start: float = 0.0, stop: float | None = None, bin: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Spikes per second and neuron over time: the middles of the bins in ms and the rates, float64 (bins,).

    Args:
        spikes, size, start, stop: as `firing_rates`.
        bin: ms, default 1; a last one that is not whole is left out.

    Raises:
        TypeError, ValueError: as `firing_rates`, or no whole bin.
    """
    times, _, n, begin, end = _read(spikes, size, start, stop)
    bins, which = _bins(times, begin, end, bin)
    counts = np.bincount(which[which < bins], minlength=bins)
    return begin + (np.arange(bins) + 0.5) * bin, counts / (max(n, 1) * bin / 1000)


def binned_counts(
    spikes: Any, size: int | None = None, *, start: float = 0.0, stop: float | None = None, bin: float = 10.0
) -> np.ndarray:
    """Spikes of each neuron in each bin, float64 (size, bins).

    Args:
        spikes, size, start, stop: as `firing_rates`.
        bin: ms, default 10; a last one that is not whole is left out.

    Raises:
        TypeError, ValueError: as `population_rate`.
    """
    times, who, n, begin, end = _read(spikes, size, start, stop)
    bins, which = _bins(times, begin, end, bin)
    inside = which < bins
    return np.bincount(who[inside] * bins + which[inside], minlength=n * bins).reshape(n, bins).astype(np.float64)


def fano_factors(
    spikes: Any, size: int | None = None, *, start: float = 0.0, stop: float | None = None, bin: float = 100.0
) -> np.ndarray:
    """Variance by mean of each neuron's counts in bins, float64 (size,); NaN where it is silent.

    Args:
        spikes, size, start, stop, bin: as `binned_counts`; default bins of 100 ms.

    Raises:
        TypeError, ValueError: as `population_rate`.
    """
    counts = binned_counts(spikes, size, start=start, stop=stop, bin=bin)
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts.var(axis=1) / counts.mean(axis=1)


def correlations(
    spikes: Any,
    size: int | None = None,
    *,
    start: float = 0.0,
    stop: float | None = None,
    bin: float = 5.0,
    sample: int = 200,
    seed: int = 0,
) -> np.ndarray:
    """Pearson's coefficients of the binned counts of all pairs of some neurons, float64 (pairs,).

    Args:
        spikes, size, start, stop, bin: as `binned_counts`; default bins of 5 ms.
        sample: neurons that are drawn of those whose counts are not all the same; default 200, or all if there are
            fewer.
        seed: of the draw.

    Returns:
        Of k neurons k (k - 1) / 2 coefficients, the pairs (i, j), i < j, in order.

    Raises:
        TypeError, ValueError: as `population_rate`.
    """
    counts = binned_counts(spikes, size, start=start, stop=stop, bin=bin)
    many, seed = arguments.size("sample", sample), arguments.whole("seed", seed)
    chosen = np.flatnonzero(counts.std(axis=1) > 0)
    if len(chosen) > many:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(chosen, many, replace=False))
    if len(chosen) < 2:
        return np.zeros(0)
    return np.corrcoef(counts[chosen])[np.triu_indices(len(chosen), 1)]


def _read(spikes: Any, size: Any, start: Any, stop: Any) -> tuple[np.ndarray, np.ndarray, int, float, float]:
    """Times and numbers of the spikes that count, how many neurons there are, start and stop."""
    if isinstance(spikes, PopulationView):
        if size is not None:
            raise TypeError("size goes with times and numbers; a population has its own")
        times, who = spikes.spikes
        place = np.zeros(spikes.population.size, np.int64)
        place[spikes.indices] = np.arange(len(spikes))
        who, n = place[who], len(spikes)
        network: Any = spikes.population.network
        stop = stop if stop is not None or network is None else network.t
    else:
        if not isinstance(spikes, (tuple, list)) or len(spikes) != 2:
            raise TypeError(
                f"spikes must be a population or a pair (times, numbers), not {type(spikes).__name__} {shown(spikes)}"
            )
        if size is None or stop is None:
            raise ValueError("size and stop must be given with times and numbers")
        n = arguments.size("size", size, 0)
        times = np.asarray(arguments.numbers_of("spikes[0]", spikes[0]), np.float64)
        who = np.asarray(arguments.numbers_of("spikes[1]", spikes[1]))
        if times.ndim != 1 or times.shape != who.shape:
            raise ValueError(f"spikes must be two arrays of one length, got {times.shape} and {who.shape}")
        if not np.isfinite(times).all() or not (who == np.floor(who)).all():
            raise ValueError("spikes must be finite times and whole numbers")
        who = who.astype(np.int64)
        if len(who) and not 0 <= who.min() <= who.max() < n:
            raise ValueError(f"spikes[1] must be from 0 to {n - 1}, got {who.min()} to {who.max()}")
    begin, end = arguments.number("start", start), arguments.number("stop", 0.0 if stop is None else stop)
    if not begin < end:
        raise ValueError(f"stop must be later than start, got {begin:g} to {end:g} ms")
    inside = (times > begin + 1e-9) & (times <= end + 1e-9)
    return times[inside], who[inside], n, begin, end


def _bins(times: np.ndarray, begin: float, end: float, bin: Any) -> tuple[int, np.ndarray]:
    """How many whole bins there are, and that of each time, (begin, begin + bin] being the first."""
    width = arguments.positive("bin", bin)
    bins = int((end - begin) / width + 1e-9)
    if not bins:
        raise ValueError(f"bin must be at most {end - begin:g} ms, from start to stop, got {width:g}")
    return bins, np.maximum(np.ceil((times - begin) / width - 1e-9), 1).astype(np.int64) - 1
