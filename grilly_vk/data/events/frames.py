"""Recordings summed into frames on the device: which windows there are, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ... import arguments
from ...errors import shown
from ...ops.events import event_frames
from ...settings import fixed, setting
from ...tensor import Tensor, from_numpy
from .arrays import FURTHEST, sensor
from .batch import EventBatch

_KINDS = ("time_window", "event_count", "n_time_bins", "n_event_bins")
_MODES, _POLARITIES, _REMAINDERS = ("sum", "binary"), ("both", "merged"), ("drop", "last")
_NO_END = (1 << 31) - 1


def _extent(name: str, value: Any) -> int:
    """A whole number of time units or events, also where it is a float."""
    if isinstance(value, (float, np.floating)) and np.isfinite(value) and value == int(value):
        value = int(value)
    number = arguments.size(name, value)
    if number >= FURTHEST:
        raise ValueError(f"{name} must be below 2**30, got {shown(value)}")
    return number


def _shrinking(name: str, value: Any) -> tuple[int, int]:
    factors = arguments.wholes(name, value)
    if len(factors) > 2 or min(factors, default=0) < 1:
        raise ValueError(f"{name} must be a number of pixels, or two, for columns and rows; got {shown(value)}")
    return factors[0], factors[-1]


def _labels(given: list[Any]) -> np.ndarray:
    try:
        labels = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"labels must have one shape, got {shown([np.shape(v) for v in given])}") from error
    if labels.dtype.kind not in "iu" or not labels.size:
        return labels
    if labels.min() < -(1 << 31) or labels.max() >= 1 << 31:
        raise ValueError(f"labels must fit int32, got {labels.min()} to {labels.max()}")
    return labels.astype(np.int32)


class Frames:
    """Sums recordings into frames, on the device.

    Exactly one of the four kinds of windows is given.  Their names and edges are Tonic's: a window holds the events
    with begin <= t < begin + width.

    Args:
        sensor_size: (width, height, polarities), in Tonic's order; default: what the events need.
        time_window: windows of so many units of time.
        event_count: windows of so many events.
        n_time_bins: so many windows of the same time, (last - first) // n_time_bins and at least 1.
        n_event_bins: so many windows of the same number of events, events // n_event_bins and at least 1.
        overlap: how much of a window belongs to the next one too, in units of time or events (default 0); of
            time_window and event_count.
        include_incomplete: of time_window and event_count: whether the last events make a window that is not full
            (default False: they are left out, unless they are all).
        remainder: of bins: events after the last full bin are dropped ("drop", the default, as in Tonic) or belong to
            it ("last", as in SpikingJelly).
        start_time: where the first window begins; default: at each recording's first event.
        end_time: up to where there are windows; default: each recording's last event.
        mode: "sum", the number of events (default), or "binary", 1 where there was any.
        polarity: "both", a channel for each polarity of the sensor, off first (default), or "merged", one for both.
        downsample: how many pixels become one, a number or (columns, rows); their events are added (default 1).
        steps: so many frames, padded by zeros or cut, in place of as many as there are windows.
        augment: of `collate`: a function from an `EventBatch` to another, called for each batch.

    Raises:
        TypeError, ValueError: not exactly one kind of windows, or arguments out of range.
    """

    sensor_size: tuple[int, int, int] | None = setting(sensor, optional=True)
    time_window: int | None = fixed()
    event_count: int | None = fixed()
    n_time_bins: int | None = fixed()
    n_event_bins: int | None = fixed()
    overlap: int = setting(arguments.size, 0)
    include_incomplete: bool = setting(arguments.flag)
    remainder: str = setting(arguments.choice, _REMAINDERS)
    start_time: int | None = setting(arguments.whole, optional=True)
    end_time: int | None = setting(arguments.whole, optional=True)
    mode: str = setting(arguments.choice, _MODES)
    polarity: str = setting(arguments.choice, _POLARITIES)
    downsample: Any = setting(_shrinking)
    steps: int | None = setting(arguments.size, optional=True)
    augment: Callable[[EventBatch], EventBatch] | None = setting(arguments.function, optional=True)

    def __init__(
        self,
        sensor_size: Any = None,
        *,
        time_window: int | None = None,
        event_count: int | None = None,
        n_time_bins: int | None = None,
        n_event_bins: int | None = None,
        overlap: int = 0,
        include_incomplete: bool = False,
        remainder: Literal["drop", "last"] = "drop",
        start_time: int | None = None,
        end_time: int | None = None,
        mode: Literal["sum", "binary"] = "sum",
        polarity: Literal["both", "merged"] = "both",
        downsample: Any = 1,
        steps: int | None = None,
        augment: Callable[[EventBatch], EventBatch] | None = None,
    ) -> None:
        kinds = dict(zip(_KINDS, (time_window, event_count, n_time_bins, n_event_bins)))
        given = [name for name, value in kinds.items() if value is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none"
            raise ValueError(f"exactly one of {', '.join(_KINDS)} must be given, got {got}")
        self._kind = given[0]
        for name, value in kinds.items():
            setattr(self, name, None if value is None else _extent(name, value))
        self.sensor_size = sensor_size
        self.overlap, self.include_incomplete, self.remainder = overlap, include_incomplete, remainder
        self.start_time, self.end_time = start_time, end_time
        self.mode, self.polarity, self.downsample = mode, polarity, downsample
        self.steps, self.augment = steps, augment
        self._settle("overlap")

    def _settle(self, name: str) -> None:
        if self.overlap and "bins" in self._kind:
            raise ValueError(f"overlap must be 0 with {self._kind}, got {self.overlap}")
        if self.overlap and self.overlap >= self._width:
            raise ValueError(f"overlap must be below {self._kind} ({self._width}), got {self.overlap}")
        if self.start_time is not None and self.end_time is not None and self.end_time < self.start_time:
            raise ValueError(f"end_time must not be before start_time, got {self.end_time} and {self.start_time}")

    @property
    def _width(self) -> int:
        width: int = getattr(self, self._kind)
        return width

    def __repr__(self) -> str:
        return f"Frames(sensor_size={self.sensor_size}, {self._kind}={self._width}, mode={self.mode!r})"

    def __call__(self, events: Any) -> Tensor:
        """One recording as frames.

        Args:
            events: an array with the fields x, y, t and p.

        Returns:
            float32 (T, polarities, height, width); without the axis of rows where the recording has no y.

        Raises:
            TypeError, ValueError: what is no recording, or events off the sensor.
        """
        if isinstance(events, EventBatch):
            raise TypeError("events must be one recording, not an EventBatch, of which batch() makes frames")
        frames, _ = self.batch(EventBatch([events], self.sensor_size))
        return frames._alias((frames.shape[0], *frames.shape[2:]))

    def batch(self, recordings: EventBatch | Sequence[Any]) -> tuple[Tensor, np.ndarray]:
        """Several recordings as frames, shorter ones padded by zeros at the end.

        Returns:
            Frames, float32 (T, B, polarities, height, width), without the axis of rows where there is no y; and
            lengths, int32 (B,): how many frames each recording has itself.

        Raises:
            TypeError, ValueError: what is no recording, events off the sensor, or frames beyond 2**31 elements.
        """
        if not isinstance(recordings, EventBatch):
            recordings = EventBatch(recordings, self.sensor_size)
        elif self.sensor_size and any(a > b for a, b in zip(recordings.sensor_size[:2], self.sensor_size)):
            own = recordings.sensor_size
            raise ValueError(f"recordings have sensor_size {own}, which is larger than {self.sensor_size} of Frames")
        by_count = "event" in self._kind
        if by_count:
            recordings = recordings.settled()
        rows = [self._windows(*span, count) for span, count in zip(recordings._spans, recordings._counts)]
        windows = np.array(rows, np.int64)
        if self.steps is not None:
            cut = windows[:, 3] > self.steps
            windows[cut, 3], windows[cut, 4] = self.steps, (self.steps - 1) * windows[cut, 1] + windows[cut, 2]
        lengths = windows[:, 3]
        steps = int(lengths.max()) if self.steps is None else self.steps
        shape = self._shape(steps, len(recordings), self.sensor_size or recordings.sensor_size)
        frames = event_frames(
            recordings._place,
            recordings._time,
            recordings._first,
            from_numpy(windows.astype(np.int32)),
            shape,
            shrink=(self.downsample[1], self.downsample[0]),
            by_count=by_count,
            binary=self.mode == "binary",
        )
        if recordings.flat:
            frames = frames._alias((*shape[:3], shape[4]))
        return frames, lengths.astype(np.int32)

    def collate(self, samples: Sequence[Any]) -> tuple[Any, ...]:
        """A batch for training: what `DataLoader(dataset, collate_fn=frames.collate)` calls.

        Args:
            samples: recordings, or (recording, label) pairs, as datasets give them.

        Returns:
            (frames, labels, lengths), or without labels (frames, lengths); see `batch`.  Whole numbers become int32.

        Raises:
            TypeError, ValueError: what is no recording, pairs beside single recordings, or labels of different shapes
                or beyond int32.
        """
        pairs = [isinstance(s, (tuple, list)) and len(s) == 2 and not isinstance(s[0], np.void) for s in samples]
        longer = next((len(s) for s in samples if isinstance(s, (tuple, list)) and len(s) != 2), None)
        if longer is not None:
            raise TypeError(f"samples must be recordings or (recording, label) pairs, got a tuple of {longer}")
        if any(pairs) and not all(pairs):
            raise TypeError("samples must either all be (recording, label) pairs or all be recordings")
        batch = EventBatch([s[0] for s in samples] if all(pairs) else list(samples), self.sensor_size)
        if self.augment is not None:
            batch = self.augment(batch)
            if not isinstance(batch, EventBatch):
                raise TypeError(f"augment must return an EventBatch, not {type(batch).__name__}")
        frames, lengths = self.batch(batch)
        if not all(pairs):
            return frames, lengths
        return frames, _labels([s[1] for s in samples]), lengths

    def _shape(self, steps: int, samples: int, size: tuple[int, int, int]) -> tuple[int, int, int, int, int]:
        width, height, polarities = size
        channels = 1 if self.polarity == "merged" else polarities
        shape = (steps, samples, channels, -(-height // self.downsample[1]), -(-width // self.downsample[0]))
        if np.prod(shape, dtype=np.float64) >= 1 << 31:
            what = f"{self._kind} {self._width} gives frames of shape {shape}"
            raise ValueError(f"{what}; below 2**31 elements are possible")
        return shape

    def _windows(self, first: int, last: int, count: int) -> tuple[int, int, int, int, int]:
        """Begin of the first window after the first event, stride, width, how many, end of the last."""
        begin = end = 0
        if "time" in self._kind:
            begin = 0 if self.start_time is None else self.start_time - first
            end = last - first if self.end_time is None else self.end_time - first
            for name, moment in (("start_time", begin), ("end_time", end)):
                if abs(moment) >= FURTHEST:
                    raise ValueError(f"{name} must be within 2**30 of a recording's first event, which is at {first}")
        if "bins" in self._kind:
            bins = self._width
            width = max(1, ((end - begin) if self._kind == "n_time_bins" else count) // bins)
            return begin, width, width, bins, bins * width if self.remainder == "drop" else _NO_END
        width = self._width if self._kind == "time_window" else max(1, min(self._width, count))
        stride = self._width - self.overlap
        if self._kind == "time_window":  # the last event lies in a window only if that ends after it
            missing = end - begin - width + (1 if self.include_incomplete else 0)
        else:
            missing = count - width
        number = max(1, 1 + (-(-missing // stride) if self.include_incomplete else missing // stride))
        return begin, stride, width, number, min((number - 1) * stride + width, _NO_END)


def to_frames(events: Any, sensor_size: Any = None, **options: Any) -> Tensor:
    """One recording summed into frames on the device; see `Frames` for the options, one of which defines the windows.

    Args:
        events: an array with the fields x, y, t and p (or without y: a sensor of one row).
        sensor_size: (width, height, polarities), in Tonic's order; default: what the events need.
        options: time_window, event_count, n_time_bins or n_event_bins; overlap, include_incomplete, remainder,
            start_time, end_time, mode, polarity, downsample, steps.

    Returns:
        float32 (T, polarities, height, width); without the axis of rows where the recording has no y.

    Raises:
        TypeError, ValueError: what is no recording, events off the sensor, or options as in `Frames`.
    """
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise TypeError(f"to_frames has no option {unknown[0]!r}; it has {', '.join(_OPTIONS)}")
    return Frames(sensor_size, **options)(events)


_OPTIONS = (
    *_KINDS, "overlap", "include_incomplete", "remainder", "start_time", "end_time", "mode", "polarity", "downsample",
    "steps",
)  # fmt: skip
