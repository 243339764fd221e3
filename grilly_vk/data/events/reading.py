"""Recordings read from files: which reader a file takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ... import files
from .aedat import read_aedat
from .arrays import EVENT, Columns
from .dat import read_dat
from .nmnist import read_nmnist
from .plain import read_npy, read_npz

READERS: dict[str, Callable[[str, bytes], Columns]] = {
    ".aedat": read_aedat,
    ".aedat4": read_aedat,
    ".bin": read_nmnist,
    ".dat": read_dat,
    ".npy": read_npy,
    ".npz": read_npz,
}


def read(path: str | os.PathLike[str]) -> np.ndarray:
    """A recording from a file, by its suffix.

    .npy: an array with the fields x, y, t and p.  .npz: arrays of these names.  .aedat and .aedat4: AEDAT 2.0, 3.1 and
    4.0, whichever the first line says; of several cameras the first.  .dat: ATIS and Prophesee, versions 1 and 2.
    .bin: N-MNIST and N-Caltech101.

    Args:
        path: of the file.

    Returns:
        Array (n,) of the type `EVENT`, in the file's order; times in microseconds.  Coordinates are those of the file:
        AEDAT 2.0 counts rows from the bottom, the others from the top.

    Raises:
        ValueError: another suffix, or a file that is damaged or of another format; the message says where.
        ImportError: compressed AEDAT 4.0 without the package that reads it.
        FileNotFoundError, OSError: it can't be read, or is a folder or a device.
    """
    files.named("path", path)
    place = Path(os.fsdecode(path))
    reader = READERS.get(place.suffix.lower())
    if reader is None:
        raise ValueError(f"{_short(place)}: files of recordings end in {', '.join(READERS)}, not {place.suffix!r}")
    files.readable(place)
    return as_events(reader(_short(place), place.read_bytes()))


def as_events(found: Columns) -> np.ndarray:
    """Columns as an array of the type `EVENT`; without y it is 0."""
    out = np.empty(found.t.size, EVENT)
    out["x"], out["t"], out["p"] = found.x, found.t, found.p
    out["y"] = 0 if found.y is None else found.y
    return out


def _short(path: Any) -> str:
    """A path for a message."""
    text = os.fspath(path)
    return text if len(text) <= 100 else f"...{text[-97:]}"
