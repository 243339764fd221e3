"""Data sets of recordings that lie on disk: folders of files, and the spoken digits of Heidelberg."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ... import arguments, files
from ...settings import fixed
from .reading import READERS, read


class EventFolder:
    """Recordings in folders, one for each class, as N-MNIST comes: ``Train/0/00002.bin``.

    Args:
        root: the folder; each folder in it is a class, in the order of their names, and files in these whose suffix
            `read` knows are recordings.

    Attributes:
        root: as given.
        classes: names of the folders; a recording's label counts them.
        files: paths of all recordings.

    Raises:
        FileNotFoundError, NotADirectoryError: no such folder.
        ValueError: no recordings in it.
    """

    root: Path = fixed()
    classes: tuple[str, ...] = fixed()
    files: tuple[Path, ...] = fixed()

    def __init__(self, root: str | os.PathLike[str]) -> None:
        files.named("root", root)
        self.root = Path(os.fsdecode(root))
        folders = sorted(p for p in self.root.iterdir() if p.is_dir())
        found = [sorted(p for p in f.iterdir() if p.suffix.lower() in READERS and p.is_file()) for f in folders]
        if not any(found):
            name = files.brief(self.root)
            raise ValueError(f"root {name!r} has no folders with files that end in {', '.join(READERS)}")
        self.classes = tuple(f.name for f in folders)
        self.files = tuple(p for some in found for p in some)
        self._labels = [i for i, some in enumerate(found) for _ in some]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """(recording, label), read from the file.

        Raises:
            IndexError: no such recording. ValueError: a damaged file.
        """
        i = _place(index, len(self))
        return read(self.files[i]), self._labels[i]


class SHD:
    """Spoken digits as spikes of 700 channels: the HDF5 files of the Heidelberg data sets SHD and SSC.

    Takes the package h5py: ``pip install 'grilly-vk[events]'``.  Recordings have the fields t, x and p and no y, as in
    Tonic: the time in microseconds, the channel, and True.  Source: Cramer, Stradmann, Schemmel & Zenke, "The
    Heidelberg spiking data sets for the systematic evaluation of spiking neural networks", IEEE TNNLS 33 (2022).

    Args:
        path: of the file, such as shd_train.h5.

    Attributes:
        path: as given.
        sensor_size: (700, 1, 1).
        labels: int32 (n,), the digit that is spoken (0 to 9 English, 10 to 19 German).

    Raises:
        ImportError: h5py is missing.
        ValueError: a damaged file, no HDF5, or one without spikes and labels.
        FileNotFoundError, OSError: it can't be read.
    """

    DTYPE = np.dtype([("t", np.int64), ("x", np.int16), ("p", np.bool_)])
    path: Path = fixed()
    sensor_size: tuple[int, int, int] = fixed()
    labels: np.ndarray = fixed()

    def __init__(self, path: str | os.PathLike[str]) -> None:
        files.named("path", path)
        self.path = Path(os.fsdecode(path))
        self.sensor_size = (700, 1, 1)
        self.labels = self._opened()

    def _opened(self) -> np.ndarray:
        """Opens the file; its labels."""
        try:
            import h5py
        except ImportError as error:
            raise ImportError("SHD takes the package h5py; pip install 'grilly-vk[events]'") from error
        files.readable(self.path)
        what = "is damaged, or no HDF5 file with spikes/times, spikes/units and labels"
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            if error.errno:  # the system's: no permission, or locked by who writes it
                raise
            raise ValueError(f"{self._name} {what}") from error
        try:
            self._times, self._units = self._file["spikes"]["times"], self._file["spikes"]["units"]
            labels = np.asarray(self._file["labels"][:], np.int32)
        except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise ValueError(f"{self._name} {what}") from error
        lengths = len(self._times), len(self._units), len(labels)
        if len(set(lengths)) != 1:
            raise ValueError(f"{self._name} is damaged: {lengths} times, units and labels")
        return labels

    def __getstate__(self) -> dict[str, Any]:
        """Copies, in this process or another, open the file by themselves."""
        return {name: value for name, value in vars(self).items() if name not in ("_file", "_times", "_units")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._opened()

    @property
    def _name(self) -> str:
        return files.brief(self.path)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """(recording, label), read from the file.

        Raises:
            IndexError: no such recording. ValueError: damaged data.
        """
        i = _place(index, len(self))
        try:
            times, units = np.asarray(self._times[i], np.float64), np.asarray(self._units[i], np.int64)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise ValueError(f"{self._name} is damaged: recording {i} can't be read") from error
        fits = times.shape == units.shape and times.ndim == 1 and np.isfinite(times).all()
        if not fits or (units < 0).any() or (units >= self.sensor_size[0]).any():
            raise ValueError(f"{self._name} is damaged: recording {i} has no channel from 0 to 699 for each time")
        out = np.empty(times.size, self.DTYPE)
        out["t"], out["x"], out["p"] = np.rint(times * 1e6), units, True
        return out, int(self.labels[i])


def _place(index: Any, length: int) -> int:
    i = arguments.whole("index", index)
    if not -length <= i < length:
        raise IndexError(f"index must be below {length}, got {i}")
    return i % length
