"""What layers keep on the device: weights and state, made at once even while a graph is captured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments, host_random
from ..tensor import Tensor, empty, engine, full

_DRAWN = 1 << 20  # weights drawn at a time


def filled(shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Tensor:
    """A tensor of one value that belongs to no graph."""
    current = engine()
    with current.lock, current.outside_capture():
        return full(shape, value, dtype)


def uniform(outs: int, ins: int, low: float, high: float, seed: Any = None) -> Tensor:
    """Weights (out, in) that are uniform in [low, high), as numpy's default_rng(seed) draws them, or the generator of
    `grilly_vk.manual_seed` where seed is None.

    Raises:
        OutOfDeviceMemory: no room on the device; nothing large was made on the host before.
        TypeError, ValueError: seed is neither None nor a whole number from 0.
    """
    rng = host_random.generator() if seed is None else np.random.default_rng(arguments.size("seed", seed, 0))
    current = engine()
    with current.lock, current.outside_capture():
        weight = empty((outs, ins))
        flat = weight.reshape((weight.count,))
        for start in range(0, weight.count, _DRAWN):
            stop = min(weight.count, start + _DRAWN)
            flat._rows(start, stop).assign(rng.uniform(low, high, stop - start).astype(np.float32))
    return weight


def xavier(outs: int, ins: int, seed: Any = None) -> Tensor:
    """Weights (out, in) that are uniform in +-sqrt(6 / (in + out)); see `uniform`.

    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    edge = math.sqrt(6.0 / (ins + outs))
    return uniform(outs, ins, -edge, edge, seed)
