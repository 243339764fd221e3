"""EventBatch: several recordings on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import arguments
from ...ops.events import drop_events, flip_events, jitter_events
from ...settings import fixed
from ...tensor import Tensor, from_numpy
from .arrays import EVENT, FURTHEST, Columns, columns, sensor

_DROPPED = np.uint32(1 << 31)
_FIELDS = ("x", "y", "t", "p")


class EventBatch:
    """Several recordings on the device, where they can be augmented at random and summed into frames.

    Args:
        recordings: a sequence of recordings: arrays with the fields x, y, t and p, or without y.
        sensor_size: (width, height, polarities), in Tonic's order; default: what the events need.

    Attributes:
        sensor_size: as given or found.
        flat: whether the recordings have no y: a sensor of one row.

    Raises:
        TypeError, ValueError: what is no recording, some with and some without y, or events off the sensor.
    """

    sensor_size: tuple[int, int, int] = fixed()
    flat: bool = fixed()

    def __init__(self, recordings: Sequence[Any], sensor_size: Any = None) -> None:
        given = _listed(recordings)
        parts = [columns(f"recordings[{i}]", r) for i, r in enumerate(given)]
        rows = {c.y is not None for c in parts}
        if len(rows) > 1:
            raise ValueError("recordings must either all have y or all lack it")
        self.sensor_size = _found(parts) if sensor_size is None else sensor("sensor_size", sensor_size)
        self.flat = rows == {False}
        for i, part in enumerate(parts):
            _on_sensor(f"recordings[{i}]", part, self.sensor_size)
        self._kept = [_KeptRecording(r, c) for r, c in zip(given, parts)]
        self._spans = [(c.first, c.last) for c in parts]
        self._counts = [c.t.size for c in parts]
        ends = np.concatenate([[0], np.cumsum(self._counts)])
        if ends[-1] >= 1 << 31:
            raise ValueError(f"recordings hold {ends[-1]} events; below 2**31 are possible in a batch")
        self._first = from_numpy(ends.astype(np.uint32))
        self._place = from_numpy(_joined([_place(c) for c in parts], np.uint32))
        self._time = from_numpy(_joined([c.t - first for c, (first, _) in zip(parts, self._spans)], np.int32))
        self._changed = False

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return f"EventBatch({len(self)} recordings, {sum(self._counts)} events, sensor_size={self.sensor_size})"

    def _with(self, place: Tensor | None = None, time: Tensor | None = None, reorders: bool = True) -> EventBatch:
        out = object.__new__(type(self))
        out.__dict__.update(self.__dict__)
        out._place = self._place if place is None else place
        out._time = self._time if time is None else time
        out._changed = self._changed or reorders
        return out

    def time_jitter(self, std: float) -> EventBatch:
        """The recordings with normal noise on each event's time.

        Windows of `Frames` that count time stay where the recordings without noise have them, so that nothing has to
        come back from the device: what the noise carries out of them is in no frame.

        Args:
            std: deviation, in the events' unit of time; the noise is rounded to whole units.

        Raises:
            TypeError, ValueError: no finite number of at least 0.
        """
        std = arguments.non_negative("std", std)
        return self._with(time=jitter_events(self._place, self._time, self._first, std))

    def drop(self, p: float) -> EventBatch:
        """The recordings without some of their events, each of which is dropped with probability p.

        Raises:
            TypeError, ValueError: no probability.
        """
        p = arguments.between("p", p, 0.0, 1.0)
        return self._with(place=drop_events(self._place, self._time, self._first, p))

    def flip(self, lr: float = 0.0, ud: float = 0.0, polarity: float = 0.0) -> EventBatch:
        """The recordings, some of them mirrored as a whole.

        Args:
            lr: probability that left and right are exchanged (default 0).
            ud: probability that up and down are exchanged (default 0).
            polarity: probability that polarities are exchanged (default 0).

        Raises:
            TypeError, ValueError: no probabilities.
        """
        chances = [arguments.between(n, v, 0.0, 1.0) for n, v in (("lr", lr), ("ud", ud), ("polarity", polarity))]
        size = self.sensor_size[0], self.sensor_size[1]
        place = flip_events(self._place, self._time, self._first, size, (chances[0], chances[1], chances[2]))
        return self._with(place=place, reorders=False)

    def arrays(self) -> list[np.ndarray]:
        """The recordings as arrays of the types that they came as, in order of time.  Waits for the device.

        Fields beside x, y, t and p go with their events.  Fields that could not hold what is possible here, such as
        unsigned times before 0, are wider than they were.
        """
        place, time = self._place.numpy(), self._time.numpy()
        out, begin = [], 0
        for came, (first, last), count in zip(self._kept, self._spans, self._counts):
            here, when = place[begin : begin + count], time[begin : begin + count].astype(np.int64) + first
            begin += count
            kept = np.flatnonzero((here & _DROPPED) == 0)
            if self._changed:
                kept = kept[np.argsort(when[kept], kind="stable")]
            made = came.empty(kept, self.sensor_size, (first, last))
            here = here[kept]
            made["x"], made["t"] = here & 0x7FFF, when[kept]
            made["p"] = np.where(here >> 30 & 1, 1, came.off)
            if not self.flat:
                made["y"] = here >> 15 & 0x7FFF
            out.append(made)
        return out

    def settled(self) -> EventBatch:
        """The same recordings without dropped events and in order of time; waits for the device if needed."""
        if not self._changed:
            return self
        out = self._with()
        out.__dict__.update(EventBatch(self.arrays(), self.sensor_size).__dict__)
        return out


class _KeptRecording:
    """What arrays made of a recording need beside its events: its type, what "off" was, and fields of its own.

    Args:
        recording: as it was given.
        part: its columns.
    """

    def __init__(self, recording: Any, part: Columns) -> None:
        given = getattr(recording, "dtype", None)
        if given is None:  # a mapping
            given = EVENT if part.y is not None else np.dtype([(n, EVENT[n]) for n in "xtp"])
        self.dtype = given
        signed = given["p"].kind in "if" and np.size(recording["p"]) and np.min(recording["p"]) < 0
        self.off = -1 if signed else 0
        self.more = {n: np.array(recording[n]) for n in given.names or () if n not in _FIELDS}

    def empty(self, kept: np.ndarray, size: tuple[int, int, int], span: tuple[int, int]) -> np.ndarray:
        """An array for these events, with the fields that don't change; `span`: first and last time before."""
        wanted = {"x": (0, size[0] - 1), "y": (0, size[1] - 1), "t": (span[0] - FURTHEST, span[1] + FURTHEST)}
        fields = [
            (n, _wide(self.dtype[n], *wanted[n]) if n in wanted else self.dtype[n]) for n in self.dtype.names or ()
        ]
        same = all(kind == self.dtype[n] for n, kind in fields)
        out = np.empty(kept.size, self.dtype if same else fields)
        for name, values in self.more.items():
            out[name] = values[kept]
        return out


def _wide(dtype: np.dtype, low: int, high: int) -> np.dtype:
    """The type of a field, or a wider one where it can't hold these numbers."""
    if dtype.kind not in "iu" or (np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max):
        return dtype
    return np.dtype(np.int64)


def _listed(recordings: Any) -> list[Any]:
    single = isinstance(recordings, (str, bytes, dict, np.ndarray, Tensor))
    if single or not isinstance(recordings, Sequence):
        raise TypeError(f"recordings must be a list of recordings, not {type(recordings).__name__}")
    if not recordings:
        raise ValueError("recordings must hold at least one recording")
    return list(recordings)


def _joined(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts).astype(dtype)


def _place(part: Columns) -> np.ndarray:
    place = part.x | part.p.astype(np.int64) << 30
    return place if part.y is None else place | part.y << 15


def _found(parts: list[Columns]) -> tuple[int, int, int]:
    def largest(field: str) -> int:
        found = [getattr(c, field) for c in parts]
        return max([int(v.max()) for v in found if v is not None and v.size], default=0)

    return largest("x") + 1, largest("y") + 1, 2


def _on_sensor(name: str, part: Columns, size: tuple[int, int, int]) -> None:
    for field, limit in zip("xy", size):
        column = getattr(part, field)
        if column is not None and column.size and column.max() >= limit:
            raise ValueError(
                f"{field} of {name} reaches {column.max()}, but sensor_size {size} has {limit} "
                f"{'columns' if field == 'x' else 'rows'}"
            )
    if size[2] == 1 and part.p.any() and not part.p.all():
        raise ValueError(f"p of {name} has both polarities, but sensor_size {size} has one")
