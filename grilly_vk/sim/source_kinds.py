"""Kinds of spike sources: their parameters, and what these come to on the device."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

_NEVER = 0xFFFFFFFF  # a step that no run comes to
_CHANCES = 2.0**32
_TIE = 2.0**-16  # of a step: what is due half a step after another one's end goes up, though sums are not exact
_MOST_ORDER = 1000


class SourceKind:
    """What all sources of a kind share, in place of a neuron model: names with their defaults, and checks.

    Attributes:
        parameters: names with their defaults, a number for each source.
        lists: of these, those that are a list of numbers for each source.
        endless: of these, those that may be infinite.
        states, receptors: as those of a model: none.
    """

    name = ""
    parameters: Mapping[str, Any] = MappingProxyType({})
    lists: frozenset[str] = frozenset()
    endless: frozenset[str] = frozenset()
    states: Mapping[str, Any] = MappingProxyType({})
    receptors: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"SourceKind({self.name!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> SourceKind:
        return self

    def __reduce__(self) -> Any:
        return _named, (self.name,)

    def check(self, parameters: Mapping[str, Any], size: int, dt: float | None) -> None:
        """Looks at all parameters together, and at steps of this length where it is known.

        Raises:
            ValueError: they don't fit.
        """
        raise NotImplementedError

    def initial(self, parameters: Mapping[str, Any], size: int) -> np.ndarray:
        """Sources have no states of a model, float32 (0, size)."""
        return np.zeros((0, size), np.float32)


class RandomKind(SourceKind):
    """Events at random, with a rate that may change; each `order`-th is a spike."""

    def chances(self, parameters: Mapping[str, Any], dt: float, size: int) -> tuple[list[np.ndarray], np.ndarray]:
        """Of each source the steps from which on an event has a probability, and this in 2**-32, uint32 (changes, 2).

        Behind them its order, uint32 (size).

        Raises:
            ValueError: more than one event a step.
        """
        raise NotImplementedError

    def check(self, parameters: Mapping[str, Any], size: int, dt: float | None) -> None:
        """See `SourceKind.check`."""
        order = np.atleast_1d(parameters["order"])
        wrong = (order < 1) | (order > _MOST_ORDER) | (order != np.rint(order))
        if wrong.any():
            raise ValueError(f"order must be a whole number from 1 to {_MOST_ORDER}, got {order[wrong][0]:g}")
        if dt is not None:
            self.chances(parameters, dt, size)


def _chance(rate: np.ndarray, order: Any, dt: float) -> np.ndarray:
    """The probability of an event in a step, in 2**-32."""
    chance = rate * order * (dt / 1000)
    if (chance > 1 + 1e-9).any():
        most = 1000 / dt / np.max(order)
        raise ValueError(
            f"rate must be at most {most:g} Hz, a spike in each step of {dt:g} ms{_orders(order)}, got {np.max(rate):g}"
        )
    return np.minimum(np.rint(chance * _CHANCES), _NEVER)


def _orders(order: Any) -> str:
    return f" less order - 1 of {np.max(order):g}" if np.max(order) > 1 else ""


class PoissonKind(RandomKind):
    """One rate from `start` to `stop`."""

    name = "poisson_source"
    parameters = MappingProxyType({"rate": 0.0, "order": 1.0, "start": 0.0, "stop": np.inf})
    endless = frozenset({"start", "stop"})

    def chances(self, parameters: Mapping[str, Any], dt: float, size: int) -> tuple[list[np.ndarray], np.ndarray]:
        """See `RandomKind.chances`."""
        whole = {n: np.broadcast_to(np.asarray(v, np.float64), (size,)) for n, v in parameters.items()}
        likely = _chance(whole["rate"], whole["order"], dt) if size else np.zeros(0)
        rows = np.zeros((size, 2, 2), np.uint32)
        rows[:, 0, 0], rows[:, 1, 0] = in_steps(whole["start"], dt), in_steps(whole["stop"], dt)
        rows[:, 0, 1] = likely
        return list(rows), whole["order"].astype(np.uint32)

    def check(self, parameters: Mapping[str, Any], size: int, dt: float | None) -> None:
        """See `SourceKind.check`."""
        _at_least_0("rate", parameters["rate"])
        _in_order(parameters)
        super().check(parameters, size, dt)


class SteppedKind(RandomKind):
    """Rates from times on."""

    name = "stepped_poisson_source"
    parameters = MappingProxyType({"times": (), "rates": (), "order": 1.0})
    lists = frozenset({"times", "rates"})

    def chances(self, parameters: Mapping[str, Any], dt: float, size: int) -> tuple[list[np.ndarray], np.ndarray]:
        """See `RandomKind.chances`."""
        order = np.broadcast_to(np.asarray(parameters["order"], np.float64), (size,))
        found = []
        for times, rates, each in zip(parameters["times"], parameters["rates"], order):
            likely = _chance(rates, each, dt) if len(rates) else np.zeros(0)
            found.append(np.stack([in_steps(times, dt), likely], axis=1).astype(np.uint32))
        return found, order.astype(np.uint32)

    def check(self, parameters: Mapping[str, Any], size: int, dt: float | None) -> None:
        """See `SourceKind.check`."""
        for times, rates in zip(parameters["times"], parameters["rates"]):
            if len(times) != len(rates):
                raise ValueError(f"rates must have one for each of {len(times)} times, got {len(rates)}")
            if (times < 0).any() or (np.diff(times) < 0).any():
                raise ValueError("times must be at least 0 and in order")
            _at_least_0("rates", rates)
        super().check(parameters, size, dt)


class RegularKind(SourceKind):
    """Spikes at start + k * interval, up to `stop`."""

    name = "regular_source"
    parameters = MappingProxyType({"interval": np.inf, "start": 0.0, "stop": np.inf})
    endless = frozenset({"interval", "start", "stop"})

    def check(self, parameters: Mapping[str, Any], size: int, dt: float | None) -> None:
        """See `SourceKind.check`."""
        interval = np.asarray(parameters["interval"])
        least = 0 if dt is None else dt * (1 - 1e-9)
        if ((interval <= 0) | (interval < least)).any():
            wanted = "above 0" if dt is None else f"at least one step of {dt:g} ms"
            raise ValueError(f"interval must be {wanted}, got {np.min(interval):g}")
        _in_order(parameters)

    def numbers(self, parameters: Mapping[str, Any], dt: float, size: int) -> np.ndarray:
        """The interval in steps and the rest of it in 2**-32, the first step without spikes, uint32 (3, size)."""
        whole = {n: np.broadcast_to(np.asarray(v, np.float64), (size,)) for n, v in parameters.items()}
        return np.stack([*_parted(whole["interval"] / dt), in_steps(whole["stop"], dt)]).astype(np.uint32)

    def next(self, parameters: Mapping[str, Any], dt: float, size: int, now: int) -> np.ndarray:
        """When the first spike is due from step `now` on: the step and the rest of it in 2**-32, uint32 (2, size)."""
        whole = {n: np.broadcast_to(np.asarray(v, np.float64), (size,)) for n, v in parameters.items()}
        interval, start = whole["interval"], whole["start"]
        with np.errstate(invalid="ignore"):
            k = np.nan_to_num(np.maximum(np.floor((now * dt - start) / interval), 0))
            # a step's spike has the time of its end; half a step rounds
            due = start / dt + np.where(k > 0, k * interval / dt, 0) - 0.5 + _TIE
        for _ in range(2):
            due = np.where(np.floor(due) < now, due + interval / dt, due)
        return np.stack(_parted(due)).astype(np.uint32)


class ListedKind(SourceKind):
    """Spikes at times that are listed."""

    name = "spike_source"
    parameters = MappingProxyType({"times": ()})
    lists = frozenset({"times"})

    def check(self, parameters: Mapping[str, Any], size: int, dt: float | None) -> None:
        """See `SourceKind.check`."""
        times = np.concatenate([np.zeros(0), *parameters["times"]])
        if len(times) and (times.min() <= 0 or (dt is not None and np.rint(times.min() / dt) < 1)):
            least = "above 0" if dt is None else f"at least one step of {dt:g} ms"
            raise ValueError(f"times must be {least}, got {times.min():g}")


def in_steps(times: np.ndarray, dt: float) -> np.ndarray:
    """Times in ms as steps, float64, none beyond what uint32 can hold."""
    return np.minimum(np.rint(np.minimum(np.asarray(times) / dt, 1e18)), _NEVER)


def _parted(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in steps as whole ones and the rest in 2**-32, both below 2**32."""
    far = steps >= _NEVER
    near = np.where(far, 0, steps)
    whole = np.floor(near)
    return np.where(far, _NEVER, whole), np.where(far, 0, np.minimum(np.rint((near - whole) * _CHANCES), _NEVER))


def _at_least_0(name: str, value: Any) -> None:
    if (np.asarray(value) < 0).any():
        raise ValueError(f"{name} must be at least 0, got {np.min(value):g}")


def _in_order(parameters: Mapping[str, Any]) -> None:
    start, stop = np.asarray(parameters["start"]), np.asarray(parameters["stop"])
    if (start < 0).any() or (stop < start).any():
        wrong = np.broadcast_to((start < 0) | (stop < start), np.broadcast_shapes(start.shape, stop.shape))
        shown = (np.broadcast_to(v, wrong.shape)[wrong][0] for v in (start, stop))
        raise ValueError("start and stop must be times in ms, 0 <= start <= stop, got {:g} and {:g}".format(*shown))


POISSON, STEPPED, REGULAR, LISTED = PoissonKind(), SteppedKind(), RegularKind(), ListedKind()
_KINDS: dict[str, SourceKind] = {kind.name: kind for kind in (POISSON, STEPPED, REGULAR, LISTED)}


def _named(name: str) -> SourceKind:
    return _KINDS[name]
