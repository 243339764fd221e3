"""Events of several recordings: random changes, and sums into frames."""

from __future__ import annotations

from typing import Any

from ..runtime.kernel import Kernel
from ..tensor import FLOAT32, INT32, UINT32, Tensor, empty, full
from .elementwise import cast

_JITTER, _DROP, _FLIP = range(3)  # as in shaders/events-augment.glsl

_FRAMES = Kernel("events-frames")
_AUGMENT = Kernel("events-augment")


def event_frames(
    place: Tensor,
    time: Tensor,
    first: Tensor,
    windows: Tensor,
    shape: tuple[int, int, int, int, int],
    *,
    shrink: tuple[int, int],
    by_count: bool,
    binary: bool,
) -> Tensor:
    """Counts events at each pixel in windows of their recordings.

    Args:
        place: uint32 (n), x | y << 15 | polarity << 30, and bit 31 for an event that does not count.
        time: int32 (n), time since the recording's first event.
        first: uint32 (samples + 1), where each recording begins in these; the last entry is n.
        windows: int32 (samples, 5): begin of the first, stride, width, how many, end of the last.
        shape: of the result, (T, samples, channels, height, width); one channel takes both polarities.
        shrink: how many rows and columns of pixels become one.
        by_count: windows are of numbers of events in place of time.
        binary: 1 where there was any event.

    Returns:
        float32 of that shape; counts above 2**24 are rounded, as float32 is.
    """
    steps, samples, channels, height, width = shape
    out = full(shape, 0.0 if binary else 0, FLOAT32 if binary else UINT32, place.engine)
    if out.count:
        _FRAMES(
            place=place, time=time, first=first, windows=windows, frames=out, n=place.count, samples=samples,
            steps=steps, channels=channels, height=height, width=width, shrink_y=shrink[0], shrink_x=shrink[1],
            work=place.count * 16,  # two searches and an atomic
            BY_COUNT=by_count, BINARY=binary,
        )  # fmt: skip
    return cast(out, FLOAT32)


def _changed(kind: int, place: Tensor, time: Tensor, first: Tensor, like: Any, **given: Any) -> Tensor:
    out = empty(place.shape, like, place.engine)
    numbers: dict[str, Any] = dict(amount=0.0, flip_x=0.0, flip_y=0.0, flip_p=0.0, width=1, height=1) | given
    _AUGMENT(
        place=place, time=time, first=first, control=None, y=out, n=place.count, samples=first.count - 1,
        work=8 * place.count, KIND=kind, **numbers,
    )  # fmt: skip
    return out


def jitter_events(place: Tensor, time: Tensor, first: Tensor, deviation: float) -> Tensor:
    """Times of events, int32 (n), with normal noise of this deviation, rounded to whole units."""
    return _changed(_JITTER, place, time, first, INT32, amount=deviation)


def drop_events(place: Tensor, time: Tensor, first: Tensor, probability: float) -> Tensor:
    """Places of events, uint32 (n), with bit 31 set of those that were dropped, each with this probability."""
    return _changed(_DROP, place, time, first, UINT32, amount=probability)


def flip_events(
    place: Tensor,
    time: Tensor,
    first: Tensor,
    size: tuple[int, int],
    probabilities: tuple[float, float, float],
) -> Tensor:
    """Places of events, uint32 (n), mirrored in x, y and polarity with these probabilities, a recording as a whole.

    Args:
        size: width and height of the sensor.
    """
    x, y, p = probabilities
    sizes = dict(width=size[0], height=size[1])
    return _changed(_FLIP, place, time, first, UINT32, flip_x=x, flip_y=y, flip_p=p, **sizes)
