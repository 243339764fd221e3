"""Electrodes: currents into chosen neurons over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .currents import Current


@dataclass(eq=False)
class Injection:
    """A current from `start` to `stop` ms: one number, a function of the times in ms, or a `Current`."""

    indices: np.ndarray
    amplitude: float | Callable[[np.ndarray], Any] | Current
    start: float
    stop: float

    def limits(self, dt: float) -> tuple[float, float]:
        """The first step and the one behind the last."""
        return np.rint(self.start / dt), np.rint(min(self.stop / dt, 1e18))

    def at(self, step: np.ndarray, dt: float) -> np.ndarray:
        """The current in each of these steps, float64: its value at the step's beginning, for the whole step.

        Raises:
            ValueError: the function gives something else than a finite number for each time.
        """
        first, last = self.limits(dt)
        on = (step >= first) & (step < last)
        out = np.zeros(len(step))
        if isinstance(self.amplitude, Current):
            out[on] = self.amplitude.at(step[on], first, dt)
        elif callable(self.amplitude):
            given = np.asarray(self.amplitude(step[on] * dt), np.float64)
            if given.shape not in ((), (int(on.sum()),)) or not np.isfinite(given).all():
                raise ValueError(
                    f"amplitude must give a finite number for each of {int(on.sum())} times, gave {given.shape}"
                )
            out[on] = given
        else:
            out[on] = self.amplitude
        return out
