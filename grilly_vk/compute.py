"""VulkanCompute: the kernels on plain numpy arrays, state in, state out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import arguments
from .errors import shown
from .ops import encode as ops
from .runtime.devices import DeviceInfo
from .settings import fixed
from .snn import SNN
from .tensor import engine, from_numpy
from .typing import ArrayLike


class VulkanCompute:
    """The facade over the kernels.

    ``VulkanCompute().snn`` holds the spiking kernels as functions of arrays.  All instances share the opened
    device (see `grilly_vk.set_device`).

    Raises:
        DeviceError: no usable device.
    """

    snn: SNN = fixed(how="it holds the kernels themselves")

    def __init__(self) -> None:
        self._engine = engine()
        self.snn = SNN()

    @property
    def device(self) -> DeviceInfo:
        """The device that runs the kernels."""
        return self._engine.info

    def random_words(self, counter: ArrayLike, key: Sequence[int]) -> np.ndarray:
        """The random generator itself: Philox4x32-10 of given counters, to be compared with published vectors.

        Args:
            counter: uint32 (n, 4).
            key: two words, 0 to 2**32 - 1.

        Returns:
            uint32 (n, 4).

        Raises:
            TypeError, ValueError: words of the wrong type or shape.

        Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
        """
        words = np.ascontiguousarray(arguments.numbers_of("counter", counter))
        if words.dtype != np.uint32:
            raise TypeError(f"counter must be uint32, not {words.dtype}")
        arguments.shape("counter", words.shape, ("n", 4))
        parts = arguments.listed("key", key, "two words")
        if len(parts) != 2:
            raise ValueError(f"key must be two words, got {shown(key)}")
        low, high = (arguments.whole(f"key[{i}]", word) for i, word in enumerate(parts))
        if not (0 <= low < 1 << 32 and 0 <= high < 1 << 32):
            raise ValueError(f"key must hold words from 0 to 2**32 - 1, got {shown(key)}")
        return ops.random_words(from_numpy(words), (low, high)).numpy()

    def __repr__(self) -> str:
        return f"VulkanCompute({self._engine.info})"
