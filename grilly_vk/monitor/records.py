"""What a monitor keeps of one module, in device memory that does not grow: the last steps, or counts of spikes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import warn
from ..ops.monitor import count_spikes, read_counters, read_ring, ring_append, ring_cursor, spike_counters
from ..runtime.recording import recording
from ..tensor import Tensor, empty


class Ring:
    """The last steps of one module.

    Args:
        name: the module's, for messages.
        max_steps, max_bytes: how much is kept at most.
        samples: how many samples of a batch are kept; None: all.
    """

    def __init__(self, name: str, max_steps: int, max_bytes: int, samples: int | None) -> None:
        self._name, self._max_steps, self._max_bytes, self._samples = name, max_steps, max_bytes, samples
        self._ring: Tensor | None = None
        self._cursor: Tensor | None = None
        self._fresh = True  # nothing was put in since the start or `clear`, as far as the host knows
        self._warned = False

    @property
    def started(self) -> bool:
        """Whether there was ever a step."""
        return self._ring is not None

    @property
    def nbytes(self) -> int:
        """Bytes of device memory."""
        return 0 if self._ring is None or self._cursor is None else self._ring.nbytes + self._cursor.nbytes

    def put(self, steps: Tensor) -> None:
        """Adds steps (T, B, ...)."""
        kept = self._kept(steps.shape[1:])
        ring = self._ring
        fits = ring is not None and ring.shape[1:] == kept and ring.dtype is steps.dtype
        if ring is None or (not fits and self._empty()):
            ring = self._start(steps, kept)
        elif not fits:
            self._leave_out(kept, steps.dtype, ring)
            return
        self._fresh = False
        assert self._cursor is not None
        ring_append(steps, ring, self._cursor)

    def _empty(self) -> bool:
        if not self._fresh or self._cursor is None:
            return False
        # A replay may have put steps in without the host's knowledge; while capturing nothing can be read.
        return recording(self._cursor.engine) or not self._cursor.numpy()[1]

    def _kept(self, step: tuple[int, ...]) -> tuple[int, ...]:
        if self._samples is None:
            return step
        if not step:
            raise ValueError(f"samples: a step of {self._name} is a single number, without a batch to choose from")
        return (min(self._samples, step[0]), *step[1:])

    def _start(self, steps: Tensor, kept: tuple[int, ...]) -> Tensor:
        engine = steps.engine
        each = max(1, 4 * math.prod(kept))
        size = min(self._max_steps, min(self._max_bytes, engine.info.max_tensor_bytes) // each)
        if size < 1:
            raise ValueError(
                f"max_bytes: one step of {self._name}, of shape {kept}, takes {each} bytes; {self._max_bytes} are "
                "allowed. Raise max_bytes, or keep fewer samples"
            )
        with engine.lock, engine.outside_capture():  # a graph's own memory would be handed out again inside it
            ring, cursor = empty((size, *kept), steps.dtype, engine), ring_cursor(steps)
        self._ring, self._cursor = ring, cursor
        return ring

    def _leave_out(self, kept: tuple[int, ...], dtype: Any, ring: Tensor) -> None:
        if not self._warned:
            self._warned = True
            warn(
                f"{self._name} gave steps of shape {kept} ({dtype}); the record holds steps of shape "
                f"{ring.shape[1:]} ({ring.dtype}), and such others are left out. clear() makes room for another "
                "shape; samples=n keeps the first n samples of batches of any size",
                RuntimeWarning,
            )

    def read(self) -> tuple[np.ndarray, int]:
        """The steps that are kept, oldest first, (steps, B, ...), and how many there ever were."""
        assert self._ring is not None and self._cursor is not None
        with self._ring.engine.lock:
            return read_ring(self._ring, self._cursor)

    def clear(self) -> None:
        """Forgets the steps, whose cursor is at 0 again; the memory stays, since recorded graphs may write to it."""
        self._fresh, self._warned = True, False

    @property
    def counted(self) -> Tensor | None:
        """What is 0 where nothing is recorded."""
        return self._cursor


class Counts:
    """How often each neuron of one module fired.

    Args:
        name: the module's, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._counters: Tensor | None = None
        self._shape: tuple[int, ...] = ()

    @property
    def started(self) -> bool:
        """Whether there was ever a step."""
        return self._counters is not None

    @property
    def nbytes(self) -> int:
        """Bytes of device memory."""
        return 0 if self._counters is None else self._counters.nbytes

    def put(self, steps: Tensor) -> None:
        """Adds steps (T, B, ...); with a single axis besides time, that is the neurons and there is no batch."""
        neurons = steps.shape[2:] if steps.ndim > 2 else steps.shape[1:]
        rows = math.prod(steps.shape[: steps.ndim - len(neurons)])
        if self._counters is None:
            with steps.engine.lock, steps.engine.outside_capture():
                counters = spike_counters(math.prod(neurons), steps)
            self._counters, self._shape = counters, neurons
        elif neurons != self._shape:
            raise ValueError(
                f"{self._name} has neurons of shape {neurons}, but those counted so far have shape {self._shape}; "
                "use a new monitor"
            )
        count_spikes(steps._alias((rows, *neurons)), self._counters)

    def read(self) -> tuple[np.ndarray, int]:
        """Spikes of each neuron, int64, and the number of steps, each sample's counted."""
        assert self._counters is not None
        counts, rows = read_counters(self._counters)
        return counts.reshape(self._shape), rows

    def clear(self) -> None:
        """The counters are at 0 again."""

    @property
    def counted(self) -> Tensor | None:
        """What is 0 where nothing is recorded."""
        return self._counters
