"""What a network is to its parts: where those that are made inside a with-block go, and what they ask of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Owner(Protocol):
    """The network of a population, as the population sees it."""

    dt: float
    built: bool

    def add(self, *parts: Any) -> None:
        """Takes parts."""

    def state(self, population: Any, name: str) -> np.ndarray:
        """A state now."""

    def assign(self, population: Any, indices: np.ndarray, values: dict[str, Any]) -> None:
        """Takes new values of states and parameters."""

    def spikes_of(self, population: Any) -> tuple[np.ndarray, np.ndarray]:
        """Recorded spikes."""

    def samples_of(self, population: Any, name: str, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Recorded states."""

    def connections_of(self, projection: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A projection's synapses."""


inside: list[Owner] = []  # networks whose with-blocks we are in, the innermost last


def register(part: Any) -> None:
    """Adds what was just made to the network whose with-block we are in, if any."""
    if inside:
        inside[-1].add(part)
