"""Recordings of event cameras and spiking sensors: read from files, changed at random, and summed into frames.

A recording is a numpy array with the fields x, y, t and p (column, row, time, polarity), as Tonic and others use it;
sensors of one row have no y.  Times are whole numbers, microseconds in all file formats.
"""

from .arrays import EVENT, make_events
from .augment import drop_events, flip_events, time_jitter
from .batch import EventBatch
from .frames import Frames, to_frames
from .reading import read
from .recordings import SHD, EventFolder

__all__ = [
    "EVENT", "SHD", "EventBatch", "EventFolder", "Frames", "drop_events", "flip_events", "make_events", "read",
    "time_jitter", "to_frames",
]  # fmt: skip
