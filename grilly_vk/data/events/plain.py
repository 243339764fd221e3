"""Recordings in numpy's own files, .npy and .npz."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import reason
from .arrays import Columns, columns


def read_numpy(name: str, data: bytes) -> Columns:
    """One array with the fields x, y, t and p, or arrays of these names, as SpikingJelly writes them.

    Raises:
        ValueError: a damaged file, or other arrays.
    """
    try:
        found: Any = np.load(io.BytesIO(data), allow_pickle=False)  # pickles run code
        if isinstance(found, Mapping):  # of a zip file, each read when it is asked for
            found = dict(found)
    except Exception as error:  # of many kinds: numpy, zipfile, zlib and Python's tokenizer read it
        raise ValueError(f"{name} is damaged or not a file of numpy's: {reason(error)}") from error
    if isinstance(found, dict) and len(found) == 1:
        alone = next(iter(found.values()))
        found = alone if alone.dtype.names else found
    try:
        return columns("the file's array", found)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
