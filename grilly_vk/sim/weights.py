"""Weights that don't change by themselves, given anew after the build: how they go into tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .synapses import PACKED, PACKED_WEIGHT, Synapses
from .tables import Cut, TablePart


def in_units(p: Synapses, values: np.ndarray, unit: float, shift: int) -> np.ndarray:
    """Weights as tables hold them, int64: in units of the ring, those of 15 bits in 2**shift of them.

    Raises:
        ValueError: weights too large for 15 bits.
    """
    each = unit / 2.0**shift if p.format == PACKED else unit
    found = np.floor(values.astype(np.float32).astype(np.float64) * each + 0.5)
    if p.format == PACKED and np.abs(found).max(initial=0.0) > PACKED_WEIGHT:
        raise ValueError(
            f"weights of 16 bits must be at most {PACKED_WEIGHT / each:g} in size, which was fixed at the build, "
            f"got up to {np.abs(values).max():g}; give the projection weight_max= or dtype=float32"
        )
    return found.astype(np.int64)


def rewrite(
    p: Synapses, parts: Sequence[TablePart], i: int, cut: Cut, places: Sequence[np.ndarray], units: np.ndarray
) -> None:
    """Puts weights in units into the tables of projection i, in the order of its places part by part."""
    begin = 0
    for part, place in zip(parts, places):
        mine = units[begin : begin + len(place)]
        begin += len(place)
        start = part.starts[i]
        if not len(place):
            continue
        words = part.synapse._rows(cut.unit * int(start[0, 0]), cut.unit * int(start[-1, -1]))
        fresh = words.numpy().copy()
        if p.format == PACKED:
            fresh[place] = fresh[place] & 0x1FFFF | (mine.astype(np.uint32) << np.uint32(17))
        else:
            fresh[place] = mine.astype(np.int32).view(np.uint32)
        words.assign(fresh)
