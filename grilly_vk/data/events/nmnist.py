"""The .bin files of N-MNIST and N-Caltech101.

Five bytes an event, the highest bit first: 8 of x, 8 of y, 1 of polarity, 23 of the time in microseconds.  Events in
row 240 are none: each says that all times after it are 2**13 later.  Source: Orchard, Jayawant, Cohen & Thakor,
"Converting static image datasets to spiking neuromorphic datasets using saccades", Frontiers in Neuroscience 9 (2015),
and the description that comes with the data.
"""

from __future__ import annotations

import numpy as np

from .arrays import Columns

_LATER_ROW, _LATER = 240, 1 << 13


def read_nmnist(name: str, data: bytes) -> Columns:
    """Events of a .bin file.

    Raises:
        ValueError: a length that is no multiple of five bytes.
    """
    if len(data) % 5:
        raise ValueError(f"{name} is damaged: {len(data)} bytes; expected five for each event")
    raw = np.frombuffer(data, np.uint8).reshape(-1, 5).astype(np.int64)
    x, y = raw[:, 0], raw[:, 1]
    later = y == _LATER_ROW
    t = ((raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]) + _LATER * np.cumsum(later)
    kept = ~later
    return Columns(x[kept], y[kept], t[kept], raw[kept, 2] > 127)
