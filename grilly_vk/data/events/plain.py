"""Recordings in numpy's own files."""

from __future__ import annotations

import io

import numpy as np

from .arrays import Columns, columns


def read_npy(name: str, data: bytes) -> Columns:
    """One array with the fields x, y, t and p.

    Raises:
        ValueError: a damaged file, or another array.
    """
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)  # pickles run code
    except Exception as error:  # of many kinds: numpy, zipfile, zlib and Python's tokenizer read it
        raise ValueError(f"{name} is damaged or no .npy file: {_line(error)}") from error
    return _columns(name, array)


def read_npz(name: str, data: bytes) -> Columns:
    """Arrays called x, y, t and p, as SpikingJelly writes them, or one array with these fields.

    Raises:
        ValueError: a damaged file, or other arrays.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            found = {key: arrays[key] for key in arrays.files}
    except Exception as error:  # of many kinds: numpy, zipfile, zlib and Python's tokenizer read it
        raise ValueError(f"{name} is damaged or no .npz file: {_line(error)}") from error
    if len(found) == 1 and next(iter(found.values())).dtype.names:
        return _columns(name, next(iter(found.values())))
    return _columns(name, found)


def _columns(name: str, given: object) -> Columns:
    try:
        return columns("the file's array", given)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 120 else f"{text[:117]}..."
