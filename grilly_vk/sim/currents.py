"""Currents for `inject`: constant, in steps, sinusoidal, and noise.  Their numbers may be set between runs."""

from __future__ import annotations

import math

import numpy as np

from .. import arguments
from ..errors import shown
from ..settings import setting
from ..typing import ArrayLike


class Current:
    """What is injected in place of a number, into any neurons of any populations."""

    def at(self, step: np.ndarray, first: float, dt: float) -> np.ndarray:
        """The current in some steps of `dt` ms, of which none is before the step `first` where it begins, float64."""
        raise NotImplementedError


class DCCurrent(Current):
    """One current.

    Args:
        amplitude: in the model's unit of current.

    Raises:
        TypeError, ValueError: no finite number.
    """

    amplitude = setting(arguments.real)

    def __init__(self, amplitude: float) -> None:
        self.amplitude = amplitude

    def __repr__(self) -> str:
        return f"DCCurrent({self.amplitude:g})"

    def at(self, step: np.ndarray, first: float, dt: float) -> np.ndarray:
        """See `Current.at`."""
        return np.full(len(step), self.amplitude)


class StepCurrent(Current):
    """A current that changes at times: amplitudes[k] from times[k] to times[k + 1], 0 before the first.

    Args:
        times: ms since the network's time 0, at least 0 and in order; rounded to steps.
        amplitudes: in the model's unit of current, one for each time.

    Raises:
        TypeError, ValueError: no finite numbers, not one for each time, times out of order.
    """

    def __init__(self, times: ArrayLike, amplitudes: ArrayLike) -> None:
        self.set(times, amplitudes)

    def __repr__(self) -> str:
        return f"StepCurrent({shown(self._times)}, {shown(self._amplitudes)})"

    @property
    def times(self) -> np.ndarray:
        """ms, float64; `set` gives others."""
        return self._times.copy()

    @property
    def amplitudes(self) -> np.ndarray:
        """In the model's unit of current, float64."""
        return self._amplitudes.copy()

    def set(self, times: ArrayLike, amplitudes: ArrayLike) -> None:
        """Takes others, as the constructor does."""
        given = []
        for name, value in (("times", times), ("amplitudes", amplitudes)):
            numbers = np.array(arguments.numbers_of(name, value), np.float64)
            if numbers.ndim != 1 or not np.isfinite(numbers).all():
                raise ValueError(f"{name} must be a list of finite numbers, got {shown(value)}")
            given.append(numbers)
        if len(given[0]) != len(given[1]):
            raise ValueError(f"amplitudes must have one for each of {len(given[0])} times, got {len(given[1])}")
        if (given[0] < 0).any() or (np.diff(given[0]) < 0).any():
            raise ValueError(f"times must be at least 0 and in order, got {shown(times)}")
        self._times, self._amplitudes = given

    def at(self, step: np.ndarray, first: float, dt: float) -> np.ndarray:
        """See `Current.at`."""
        which = np.searchsorted(np.rint(self._times / dt), step, side="right")
        return np.concatenate([[0.0], self._amplitudes])[which]


class ACCurrent(Current):
    """A sine: offset + amplitude * sin(2 pi * frequency * t + phase), t from where the injection begins.

    It has its value at a step's beginning for the whole step.

    Args:
        amplitude, offset: in the model's unit of current.
        frequency: Hz, at least 0.
        phase: degrees.

    Raises:
        TypeError, ValueError: no finite number, or a negative frequency.
    """

    amplitude = setting(arguments.real)
    frequency = setting(arguments.non_negative)
    phase = setting(arguments.real)
    offset = setting(arguments.real)

    def __init__(self, amplitude: float, frequency: float, phase: float = 0.0, offset: float = 0.0) -> None:
        self.amplitude, self.frequency, self.phase, self.offset = amplitude, frequency, phase, offset

    def __repr__(self) -> str:
        return f"ACCurrent({self.amplitude:g}, {self.frequency:g}, phase={self.phase:g}, offset={self.offset:g})"

    def at(self, step: np.ndarray, first: float, dt: float) -> np.ndarray:
        """See `Current.at`."""
        angle = 2 * math.pi * self.frequency * (step - first) * (dt / 1000) + math.radians(self.phase)
        return np.asarray(self.offset + self.amplitude * np.sin(angle))


class NoisyCurrent(Current):
    """White noise: a normal number for each neuron and each `dt` ms, which holds for that time.

    Neurons have numbers of their own, drawn on the device: what they are follows from the network's seed, the neuron's
    number in the network, how many noises it had before, and how many numbers came since the injection began.  A leaky
    membrane of resistance R that is looked at every `dt` has the variance (R sd)^2 (1 - a) / (1 + a) with
    a = exp(-dt / tau).

    Args:
        mean, sd: in the model's unit of current; sd at least 0.
        dt: ms, at least one step of the network and rounded to steps; default one step.

    Raises:
        TypeError, ValueError: no finite number, or a negative sd or dt; when it runs, dt below one step.
    """

    mean = setting(arguments.real)
    sd = setting(arguments.non_negative)
    dt = setting(arguments.positive, optional=True)

    def __init__(self, mean: float, sd: float, dt: float | None = None) -> None:
        self.mean, self.sd, self.dt = mean, sd, dt

    def __repr__(self) -> str:
        every = "" if self.dt is None else f", dt={self.dt:g}"
        return f"NoisyCurrent({self.mean:g}, {self.sd:g}{every})"

    def period(self, dt: float) -> int:
        """Steps of `dt` ms for which a number holds.

        Raises:
            ValueError: not even one.
        """
        steps = 1 if self.dt is None else round(self.dt / dt)
        if steps < 1:
            raise ValueError(f"dt of a noise current must be at least one step of {dt:g} ms, got {self.dt:g}")
        return steps
