"""Reading embeddings from a .npy or .npz file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .errors import CliError
from .streams import stdin

_EXPECTED = "expected a .npy file, or a .npz file with an array `embeddings`, of floats shaped (D,) or (B, D)"


def read_embeddings(path: Path) -> np.ndarray:
    """Embeddings in the file ("-": stdin) as float32 (B, D), D and B at least 1; a single vector (D,) gets B = 1.

    Raises:
        CliError: no such file, not numpy's format, no `embeddings` in it, or no finite floats of that shape.
    """
    x = _load(path)
    if x.dtype.kind != "f":
        raise CliError(f"{path}: the array's dtype is {x.dtype}; {_EXPECTED}")
    if x.ndim not in (1, 2) or x.size == 0:
        raise CliError(f"{path}: the array's shape is {x.shape}; {_EXPECTED}")
    with np.errstate(over="ignore"):  # a float64 too large for float32 is reported just below
        x = np.atleast_2d(x).astype(np.float32)
    bad = ~np.isfinite(x)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise CliError(
            f"{path}: {int(bad.sum())} of {x.size} values are not finite in float32 (NaN, infinite or "
            f"too large), the first at row {row}, column {column}; expected finite values"
        )
    return x


def _load(path: Path) -> np.ndarray:
    if str(path) == "-":
        return _from(stdin(), path)
    try:
        with path.open("rb") as file:
            return _from(file, path)
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or error}; {_EXPECTED}") from error
    except ValueError as error:  # a name with a null byte
        raise CliError(f"{str(path)!r}: {error}; {_EXPECTED}") from error


def _from(file: BinaryIO, path: Path) -> np.ndarray:
    """The array in an open file, which is read once: a pipe can't be read again.  Raises CliError."""
    try:
        magic = file.read(6)
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or error}; {_EXPECTED}") from error
    if not magic.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")):
        raise CliError(f"{path}: not a numpy file; {_EXPECTED}")
    try:
        if file.seekable():
            file.seek(-len(magic), io.SEEK_CUR)
        else:
            file = io.BytesIO(magic + file.read())
        # allow_pickle=False: a data file must not be able to run code.
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        if "embeddings" not in loaded.files:
            names = ", ".join(loaded.files) or "nothing"
            raise CliError(f"{path}: has no array `embeddings` (it holds {names}); {_EXPECTED}")
        return np.asarray(loaded["embeddings"])
    except CliError:
        raise
    except Exception as error:  # a damaged file makes numpy and zipfile raise almost anything
        raise CliError(f"{path}: can't be read ({error}); {_EXPECTED}") from error
