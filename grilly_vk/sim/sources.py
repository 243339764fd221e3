"""Sources of spikes: populations whose neurons fire by themselves, at random, regularly or at listed times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..typing import ArrayLike
from .population import Population
from .source_kinds import LISTED, POISSON, REGULAR, STEPPED, SourceKind


class SourceParameter:
    """A parameter as an attribute of a source: what `get` gives, and what `set` takes."""

    def __init__(self, about: str) -> None:
        self.__doc__ = about

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, source: Source | None, owner: type) -> Any:
        return self if source is None else source.get(self.name)

    def __set__(self, source: Source, value: Any) -> None:
        source.set(**{self.name: value})


class Source(Population):
    """Neurons that fire by themselves: `pre` of projections, recorded and cut in parts like any population.

    They hear nothing: projections onto them, currents and samples of states are refused.  A source fires at most once
    in a step.
    """

    model: SourceKind

    def __init__(self, size: int, kind: SourceKind, *, label: str = "", **parameters: Any) -> None:
        super().__init__(size, kind, label=label, **parameters)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size}, label={self.label!r})"

    def inject(self, amplitude: Any, start: float = 0.0, stop: float = float("inf")) -> None:
        """Sources hear no currents.

        Raises:
            TypeError: always.
        """
        self._inject(self.indices, amplitude, start, stop)

    def _inject(self, indices: np.ndarray, amplitude: Any, start: float, stop: float) -> None:
        raise TypeError(f"{self!r} hears no current: it is a source of spikes")

    def _given(self, name: str, value: Any, n: int) -> np.ndarray:
        if name in self.model.lists:
            return _lists(name, value, n)
        given = np.asarray(arguments.numbers_of(name, value), np.float64)
        if given.ndim and given.shape != (n,):
            raise ValueError(f"{name} must be a number or have shape ({n},), one for each source, got {given.shape}")
        endless = name in self.model.endless
        if np.isnan(given).any() or not (endless or np.isfinite(given).all()) or (given == -np.inf).any():
            raise ValueError(f"{name} must be {'a number' if endless else 'finite'}, got {shown(value)}")
        return given

    def _merged(self, into: dict[str, Any], name: str, indices: np.ndarray, value: np.ndarray) -> Any:
        if name not in self.model.lists:
            return super()._merged(into, name, indices, value)
        merged = self._lists_of(into[name])
        merged[indices] = value
        return merged

    def _lists_of(self, given: Any) -> np.ndarray:
        """A list for each source, a copy; none had any before the first ones came."""
        return given.copy() if isinstance(given, np.ndarray) else _lists("", given, self.size)

    def _check(self, parameters: dict[str, Any]) -> None:
        whole = {n: self._lists_of(v) if n in self.model.lists else v for n, v in parameters.items()}
        self.model.check(whole, self.size, None if self.network is None else self.network.dt)

    def _get(self, name: str) -> np.ndarray:
        if name in self.model.lists:
            return self._lists_of(self.parameters[name])
        return super()._get(name)


class PoissonSource(Source):
    """Sources that fire at random, each by itself.

    In each step a source fires with the probability rate * dt, so its mean rate is exact and the highest is one spike a
    step.  What is drawn follows from the network's seed, the source's number in the network and the step alone.  All
    parameters may be set between runs, as attributes or by `set`.

    Args:
        size: how many; 0 is allowed.
        rate: Hz, at least 0: a number, or one for each source.
        start, stop: ms: spikes come after the one and up to the other; numbers, or one for each source.
        label: its name in messages and pictures.

    Raises:
        TypeError, ValueError: no numbers, a negative rate, stop before start; once the length of a step is known, a
            rate of more than one spike a step.
    """

    rate = SourceParameter("Hz, float64, of each source.")
    start = SourceParameter("ms, float64, of each source.")
    stop = SourceParameter("ms, float64, of each source.")

    def __init__(
        self, size: int, rate: ArrayLike, *, start: ArrayLike = 0.0, stop: ArrayLike = math.inf, label: str = ""
    ) -> None:
        super().__init__(size, POISSON, label=label, rate=rate, start=start, stop=stop)


class GammaSource(Source):
    """Sources whose intervals have a gamma distribution of whole order: every order-th event of a Poisson process.

    The mean rate is `rate`, and the coefficient of variation of the intervals 1 / sqrt(order) where rate * order is
    small beside one event a step (Cox, Renewal theory, 1962).  The trains are stationary from `start` on.

    Args:
        size: how many; 0 is allowed.
        rate: of spikes, Hz, at least 0: a number, or one for each source.
        order: a whole number from 1 to 1000, or one for each source; 1 is a Poisson process.
        start, stop: ms, as those of `PoissonSource`.
        label: its name in messages and pictures.

    Raises:
        TypeError, ValueError: as `PoissonSource`; no whole order; once the length of a step is known, rate * order of
            more than one event a step.
    """

    rate = SourceParameter("Hz, float64, of each source.")
    order = SourceParameter("Whole numbers as float64, of each source.")
    start = SourceParameter("ms, float64, of each source.")
    stop = SourceParameter("ms, float64, of each source.")

    def __init__(
        self,
        size: int,
        rate: ArrayLike,
        order: ArrayLike,
        *,
        start: ArrayLike = 0.0,
        stop: ArrayLike = math.inf,
        label: str = "",
    ) -> None:
        super().__init__(size, POISSON, label=label, rate=rate, order=order, start=start, stop=stop)


class SteppedPoissonSource(Source):
    """Poisson sources whose rates change at times: rates[k] holds from times[k] to times[k + 1]; before, it is 0.

    Args:
        size: how many; 0 is allowed.
        times: ms, at least 0 and in order: a list for all sources, or a list of lists, one for each.  Rounded to steps.
        rates: Hz, at least 0, one for each time, alike.
        label: its name in messages and pictures.

    Raises:
        TypeError, ValueError: no numbers, not as many rates as times, times out of order, negative rates; once the
            length of a step is known, rates of more than one spike a step.
    """

    times = SourceParameter("ms: an array for each source, in an array of objects.")
    rates = SourceParameter("Hz, alike.")

    def __init__(self, size: int, times: ArrayLike, rates: ArrayLike, *, label: str = "") -> None:
        super().__init__(size, STEPPED, label=label, times=times, rates=rates)


class RegularSource(Source):
    """Sources that fire at equal intervals: at start + k * interval, k = 0, 1, ..., after time 0 and up to `stop`.

    Each time is rounded to a step by itself, so intervals need not be whole steps.  Parameters that are set between
    runs give the train that they would have given from time 0, without its spikes until then.

    Args:
        size: how many; 0 is allowed.
        rate: Hz, or one for each source; 0 is no spike but the one at `start`.
        interval: ms, at least one step, in place of `rate`.
        start: ms, when the first spike is; at 0 none can be, and the next is the first.
        stop: ms, the last time at which there may be one.
        label: its name in messages and pictures.

    Raises:
        TypeError, ValueError: no numbers, both of rate and interval or neither, negative ones, stop before start; once
            the length of a step is known, an interval below it.
    """

    interval = SourceParameter("ms, float64, of each source.")
    start = SourceParameter("ms, float64, of each source.")
    stop = SourceParameter("ms, float64, of each source.")

    def __init__(
        self,
        size: int,
        rate: ArrayLike | None = None,
        *,
        interval: ArrayLike | None = None,
        start: ArrayLike = 0.0,
        stop: ArrayLike = math.inf,
        label: str = "",
    ) -> None:
        if (rate is None) == (interval is None):
            raise ValueError("give either rate or interval")
        if interval is None:
            given = np.asarray(arguments.numbers_of("rate", rate), np.float64)
            if not (given >= 0).all() or not np.isfinite(given).all():
                raise ValueError(f"rate must be finite and at least 0, got {shown(rate)}")
            with np.errstate(divide="ignore"):
                interval = 1000 / given
        super().__init__(size, REGULAR, label=label, interval=interval, start=start, stop=stop)


class SpikeSource(Source):
    """Sources that fire at listed times.

    Times are rounded to steps; several of one source in one step are one spike.  `times` may be set between runs, of
    all sources or of a part (``source[2:4].set(times=...)``), and `add_times` adds some.  A time that has passed can't
    be added; in a new list those may stand that the source had before.

    Args:
        size: how many; 0 is allowed.
        times: ms, above 0 and in any order: a list of lists or arrays, one for each source; or a list of numbers, for
            all of them.
        label: its name in messages and pictures.

    Raises:
        TypeError, ValueError: no finite numbers, not as many lists as sources, times at 0 or before; once the length of
            a step is known, times below half of it.
    """

    times = SourceParameter("ms: an array for each source, in an array of objects.")

    def __init__(self, size: int, times: ArrayLike = (), *, label: str = "") -> None:
        super().__init__(size, LISTED, label=label, times=times)

    def add_times(self, times: ArrayLike) -> None:
        """Adds spikes, in the form that the constructor takes.

        Raises:
            TypeError, ValueError: as the constructor, or a time that has passed. Nothing is changed then.
        """
        more = _lists("times", times, self.size)
        both = [np.concatenate(pair) for pair in zip(self.get("times"), more)]
        self._set(self.indices, {"times": _lists("times", both, self.size)}, allowed=False)

    def _set(self, indices: np.ndarray, values: dict[str, Any], *, allowed: bool = True) -> None:
        network = self._built()
        if network is not None and "times" in values:
            now, dt = network.t, network.dt
            for i, wanted in zip(indices, values["times"]):
                had = self.parameters["times"][i]
                fresh = wanted[~np.isin(wanted, had)] if allowed else wanted[len(had) :]
                passed = fresh[np.rint(fresh / dt) <= np.rint(now / dt)]
                if len(passed):
                    raise ValueError(f"times must be later than now, {now:g} ms, got {passed[0]:g} for source {i}")
        super()._set(indices, values)


def _lists(name: str, value: Any, n: int) -> np.ndarray:
    """A list of finite float64 numbers for each of n sources, as an array of arrays."""
    rows = arguments.read(name, value) if arguments.is_array(value) else value
    given = arguments.listed(name, rows, "numbers, or of lists of them")
    if not any(isinstance(each, (list, tuple)) or np.ndim(each) for each in given):
        given = [_numbers(name, given)] * n
    elif len(given) != n:
        raise ValueError(
            f"{name} must be a list of numbers, or {n} lists, one for each source, got {len(given)}: {shown(value)}"
        )
    out = np.empty(n, object)
    for i, each in enumerate(given):
        out[i] = _numbers(name, each)
    return out


def _numbers(name: str, value: Any) -> np.ndarray:
    given = np.array(arguments.numbers_of(name, value), np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise ValueError(f"{name} must be lists of finite numbers, got {shown(value)}")
    return given
