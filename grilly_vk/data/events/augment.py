"""Random changes of recordings, for training: noise on times, events that are missing, mirrored recordings."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from .batch import EventBatch

Recordings = TypeVar("Recordings", np.ndarray, EventBatch)


def _single(events: Any, sensor_size: Any = None) -> EventBatch:
    return EventBatch([events], sensor_size)


def time_jitter(events: Recordings, std: float) -> Recordings:
    """A recording with normal noise on each event's time, in order of time.

    Random numbers come from the device's generator and follow `grilly_vk.manual_seed`.

    Args:
        events: an array with the fields x, y, t and p, or an `EventBatch`; it stays as it is.
        std: deviation, in the events' unit of time; the noise is rounded to whole units.

    Returns:
        Of the same kind as events.

    Raises:
        TypeError, ValueError: what is no recording, or no finite number of at least 0.
    """
    if isinstance(events, EventBatch):
        return events.time_jitter(std)
    return _single(events).time_jitter(std).arrays()[0]


def drop_events(events: Recordings, p: float) -> Recordings:
    """A recording without some of its events, each of which is dropped with probability p.

    Random numbers come from the device's generator and follow `grilly_vk.manual_seed`.

    Args:
        events: an array with the fields x, y, t and p, or an `EventBatch`; it stays as it is.
        p: probability, from 0 to 1.

    Returns:
        Of the same kind as events.

    Raises:
        TypeError, ValueError: what is no recording, or no probability.
    """
    if isinstance(events, EventBatch):
        return events.drop(p)
    return _single(events).drop(p).arrays()[0]


def flip_events(
    events: Recordings, sensor_size: Any = None, *, lr: float = 0.0, ud: float = 0.0, polarity: float = 0.0
) -> Recordings:
    """A recording that is mirrored as a whole, with the given probabilities; of a batch each by itself.

    Random numbers come from the device's generator and follow `grilly_vk.manual_seed`.

    Args:
        events: an array with the fields x, y, t and p, or an `EventBatch`; it stays as it is.
        sensor_size: (width, height, polarities); needed for an array, whose events don't tell where the middle is.
        lr: probability that left and right are exchanged: x becomes width - 1 - x (default 0).
        ud: probability that up and down are exchanged (default 0).
        polarity: probability that polarities are exchanged (default 0).

    Returns:
        Of the same kind as events.

    Raises:
        TypeError, ValueError: what is no recording, no size, or no probabilities.
    """
    if isinstance(events, EventBatch):
        return events.flip(lr, ud, polarity)
    if sensor_size is None:
        raise TypeError("sensor_size must be given for an array: (width, height, polarities)")
    return _single(events, sensor_size).flip(lr, ud, polarity).arrays()[0]
