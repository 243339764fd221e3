"""Recordings as arrays with fields, and what must hold of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ... import arguments
from ...errors import shown
from ...typing import ArrayLike

EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.bool_)])
"""Fields of an event: column and row of the pixel, time (microseconds in files), polarity (True: brighter)."""

FURTHEST = 1 << 30  # time units from a recording's first event to its last: kernels count in 32 bits
_PIXELS = 1 << 15  # columns, rows


class Columns(NamedTuple):
    """A recording's fields, checked: int64, and bool for p; y is None for sensors of one row."""

    x: np.ndarray
    y: np.ndarray | None
    t: np.ndarray
    p: np.ndarray

    @property
    def first(self) -> int:
        """The earliest time; 0 of no events."""
        return int(self.t.min()) if self.t.size else 0

    @property
    def last(self) -> int:
        """The latest time; 0 of no events."""
        return int(self.t.max()) if self.t.size else 0


def make_events(x: ArrayLike, y: ArrayLike, t: Any, p: Any) -> np.ndarray:
    """A recording made of its columns.

    Args:
        x, y: whole numbers (n,), columns and rows of pixels, from 0 to 32,767; a number stands for all events.
        t: whole numbers (n,), times.
        p: polarities (n,): bools, 0 and 1, or -1 and 1.

    Returns:
        Array (n,) of the type `EVENT`.

    Raises:
        TypeError, ValueError: columns that are no whole numbers, negative, too large or of different lengths.
    """
    parts = {name: np.atleast_1d(arguments.numbers_of(name, v)) for name, v in zip("xytp", (x, y, t, p))}
    try:
        wide = list(np.broadcast_arrays(*parts.values()))
    except ValueError:
        wide = []
    if not wide or wide[0].ndim != 1:
        lengths = ", ".join(f"{name} {v.shape}" for name, v in parts.items())
        raise ValueError(f"x, y, t and p must have the same length, got shapes {lengths}")
    return as_events(columns("events", dict(zip("xytp", wide))))


def as_events(found: Columns) -> np.ndarray:
    """Columns as an array of the type `EVENT`; without y it is 0."""
    out = np.empty(found.t.size, EVENT)
    out["x"], out["t"], out["p"] = found.x, found.t, found.p
    out["y"] = 0 if found.y is None else found.y
    return out


def columns(name: str, events: Any) -> Columns:
    """The fields of a recording.

    Args:
        name: of the argument, for messages.
        events: an array with the fields x, t, p and perhaps y, or a mapping from these names to arrays.

    Raises:
        TypeError: neither, or fields that hold no numbers.
        ValueError: fields that are missing, of different lengths, or hold what they can't.
    """
    given: Any = events
    if isinstance(events, Mapping):
        names = tuple(events)
    else:
        given = arguments.read(name, events)
        names = given.dtype.names or ()
        if not names or given.ndim != 1:
            raise TypeError(
                f"{name} must be a 1-d array with the fields x, y, t and p, not {type(events).__name__} of shape "
                f"{given.shape} and type {given.dtype}; make_events(x, y, t, p) makes one"
            )
    lacking = [field for field in "xtp" if field not in names]
    if lacking:
        raise ValueError(f"{name} lacks the fields {', '.join(lacking)}; it has {shown(list(names))}")
    t = _whole(f"t of {name}", given["t"], -(1 << 62), 1 << 62)
    x = _whole(f"x of {name}", given["x"], 0, _PIXELS)
    y = _whole(f"y of {name}", given["y"], 0, _PIXELS) if "y" in names else None
    p = np.asarray(given["p"])
    if p.dtype != np.bool_:
        p = _whole(f"p of {name}", p, -1, 2) > 0
    for field, column in (("x", x), ("y", y), ("p", p)):
        if column is not None and column.shape != t.shape:
            raise ValueError(f"{field} of {name} has shape {column.shape}; expected {t.shape}, as t has")
    found = Columns(x, y, t, p)
    if found.last - found.first >= FURTHEST:
        raise ValueError(
            f"t of {name} goes from {found.first} to {found.last}: a recording may last 2**30 units; cut it, or count "
            "in larger units"
        )
    return found


def _whole(name: str, values: Any, low: int, high: int) -> np.ndarray:
    given = arguments.numbers_of(name, values)
    if given.ndim != 1:
        raise ValueError(f"{name} has shape {given.shape}; expected one number for each event")
    if not given.size:
        return given.astype(np.int64)
    least, most = given.min(), given.max()
    if not (low <= least and most < high):
        raise ValueError(f"{name} must hold whole numbers from {low} to {high - 1}, got {least} to {most}")
    out = given.astype(np.int64)
    if given.dtype.kind == "f" and (out != given).any():
        raise ValueError(f"{name} must hold whole numbers, got fractions such as {given[out != given][0]}")
    return out


def sensor(name: str, value: Any) -> tuple[int, int, int]:
    """A sensor's size (width, height, polarities) in Tonic's order."""
    sizes = arguments.wholes(name, value)
    if len(sizes) != 3 or not all(0 < s <= _PIXELS for s in sizes[:2]) or sizes[2] not in (1, 2):
        raise ValueError(
            f"{name} must be (width, height, polarities) with 1 to {_PIXELS} pixels and 1 or 2 polarities, "
            f"got {shown(value)}"
        )
    return sizes[0], sizes[1], sizes[2]
