"""Counts of spikes: a number for each neuron on the device, whatever else is recorded."""

from __future__ import annotations

import numpy as np

from ..ranks import Ranks
from ..runtime.engine import Engine
from ..tensor import UINT32, Tensor, full


class SpikeCounts:
    """Spikes of each neuron since its counting began.

    Attributes:
        held: uint32, one for each neuron of the network, on each rank those of its own neurons; None: none is counted.
    """

    held: Tensor | None = None

    def __init__(self) -> None:
        self._run = 0  # steps, whatever the clock says
        self._since = np.zeros(0, np.int64)  # how many there were when its counting began

    def begin(self, total: int, engine: Engine, wanted: bool) -> None:
        """The network is built, with so many neurons."""
        self._since = np.zeros(total, np.int64)
        if wanted:
            self.held = full((total,), 0, UINT32, engine)

    def ran(self, steps: int) -> None:
        """Notes a part of a run."""
        self._run += steps

    def start(self, numbers: np.ndarray, engine: Engine) -> bool:
        """Begins to count these neurons' spikes; whether these are the first of all."""
        first = self.held is None
        if self.held is None:
            self.held = full((len(self._since),), 0, UINT32, engine)
        counts = self.held.numpy().copy()
        counts[numbers], self._since[numbers] = 0, self._run
        self.held.assign(counts)
        return first

    def clear(self) -> None:
        """All begin again."""
        self._since[:] = self._run
        if self.held is not None:
            self.held.assign(np.zeros(self.held.shape, np.uint32))

    def read(self, first: int, size: int, ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
        """Counts of neurons that follow each other, int64, and in how many steps each came; a meeting."""
        assert self.held is not None
        mine = slice(first, first + size)
        parts = ranks.meet(self.held.numpy()[mine].astype(np.int64))
        return np.sum(parts, axis=0), self._run - self._since[mine]
