"""What a network is to its parts: where those that are made inside a with-block go, and what they ask of it."""

from __future__ import annotations

import threading
from typing import Any, Protocol

import numpy as np


class Owner(Protocol):
    """The network of a population, as the population sees it."""

    dt: float
    built: bool

    @property
    def t(self) -> float:
        """The time so far, ms."""

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

    def count(self, population: Any, indices: np.ndarray) -> None:
        """Counts spikes from now on."""

    def counts_of(self, population: Any) -> tuple[np.ndarray, np.ndarray]:
        """Spikes counted, and for how long."""

    def connections_of(self, projection: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A projection's synapses."""

    def weights_of(self, projection: Any) -> np.ndarray:
        """Their weights."""

    def plastic_of(self, projection: Any) -> Any:
        """What is kept of it on the device."""

    def set_weights(self, projection: Any, values: np.ndarray) -> None:
        """Gives them other ones."""


class _Blocks(threading.local):
    """The networks whose with-blocks a thread is in, the innermost last."""

    def __init__(self) -> None:
        self.networks: list[Owner] = []


inside = _Blocks()


def register(part: Any) -> None:
    """Adds what was just made to the network whose with-block we are in, if any."""
    if inside.networks:
        inside.networks[-1].add(part)
