"""Recordings read from files: which reader a file takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ... import files
from .aedat import read_aedat
from .arrays import Columns, as_events
from .dat import read_dat
from .nmnist import read_nmnist
from .plain import read_numpy

READERS: dict[str, Callable[[str, bytes], Columns]] = {
    ".aedat": read_aedat,
    ".aedat4": read_aedat,
    ".bin": read_nmnist,
    ".dat": read_dat,
    ".npy": read_numpy,
    ".npz": read_numpy,
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
        raise ValueError(f"{files.brief(place)}: files of recordings end in {', '.join(READERS)}, not {place.suffix!r}")
    files.readable(place)
    return as_events(reader(files.brief(place), place.read_bytes()))
