"""Noise currents of a group of neurons, drawn on the device batch by batch."""

from __future__ import annotations

import numpy as np

from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, from_numpy, full
from .currents import NoisyCurrent
from .injection import Injection

_NOISE = Kernel("sim-noise")
_NEVER = 0xFFFFFFFF


class NoiseCurrents:
    """What the device holds of them: a column for each neuron that has any.

    Args:
        engine: where.
        given: the neurons' places with their noises, in the order in which these were injected.
        numbers: the places' global numbers.
        dt: ms, a step.

    Raises:
        ValueError: a noise whose numbers hold for less than one step.
    """

    def __init__(
        self, engine: Engine, given: dict[int, list[Injection]], numbers: np.ndarray, dt: float, key: tuple[int, int]
    ) -> None:
        self.engine, self.dt, self.key = engine, dt, key
        self.places = np.array(sorted(given), np.int64)
        self._given = [given[place] for place in self.places]
        self.count = max(map(len, self._given), default=0)
        self._all = list(dict.fromkeys(injection for noises in self._given for injection in noises))
        self._which = np.full((self.count, len(self.places)), -1)
        at = {injection: i for i, injection in enumerate(self._all)}
        for column, noises in enumerate(self._given):
            self._which[: len(noises), column] = [at[injection] for injection in noises]
        self._held = self._numbers()
        if self.places.size:
            self._who = from_numpy(numbers[self.places].astype(np.uint32), on=engine)
            self._level = full((self.count, 2, len(self.places)), 0.0, on=engine)
            self._span = full((self.count, 3, len(self.places)), 0, UINT32, engine)
            self._write()

    @property
    def columns(self) -> int:
        """Neurons that have any."""
        return len(self.places)

    def _numbers(self) -> np.ndarray:
        """Of each noise: mean, sd, first step, the one behind the last, steps of a number; the last row is of none."""
        out = np.zeros((len(self._all) + 1, 5))
        out[-1, 4] = 1
        for row, injection in zip(out, self._all):
            noise = injection.amplitude
            assert isinstance(noise, NoisyCurrent)
            row[:] = noise.mean, noise.sd, *np.minimum(injection.limits(self.dt), _NEVER), noise.period(self.dt)
        return out

    def _write(self) -> None:
        columns = self._held[self._which]  # -1 is the last row
        self._level.assign(np.ascontiguousarray(np.moveaxis(columns[..., :2], 2, 1), np.float32))
        self._span.assign(np.ascontiguousarray(np.moveaxis(columns[..., 2:], 2, 1)).astype(np.uint32))

    def refresh(self) -> None:
        """Takes up what was set since."""
        now = self._numbers()
        if self.places.size and (now != self._held).any():
            self._held = now
            self._write()

    def draw(self, steps: int, signal: Tensor, place: int, count: Tensor, batch: int) -> None:
        """Issues a batch's numbers into `signal`, from `place` on (steps, columns)."""
        if self.places.size:
            _NOISE(
                self.engine, signal=signal, who=self._who, level=self._level, span=self._span, count=count,
                n=len(self.places), steps=steps, noises=self.count, place=place, key0=self.key[0], key1=self.key[1],
                B=batch, work=len(self.places) * self.count * steps * 16,
            )  # fmt: skip
