"""Cutting long runs: no submit may take seconds, and no array need fit one device buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .. import arguments
from ..tensor import Tensor

_PIECE = 1 << 26  # bytes of one upload of a run that is too large for one buffer


def spans(tensor: Tensor, steps: int, work_per_step: int) -> Iterator[tuple[int, int]]:
    """(start, stop) pieces of `steps`, each small enough for one submit."""
    size = tensor.engine.steps_per_submit(work_per_step)
    for start in range(0, steps, size):
        yield start, min(steps, start + size)


def fits(array: np.ndarray) -> bool:
    """Whether a run over the first axis of a host array needs one upload only."""
    return array.nbytes <= _PIECE or len(array) < 2


def run_on_host_arrays(name: str, values: object, run: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Applies a run over the first axis to an array-like and returns a numpy array of the same leading axis.

    Arrays that are larger than the device's largest buffer go through in pieces; `run` keeps its state on the
    device between them.
    """
    if isinstance(values, Tensor):
        return run(values).share()
    given = arguments.array(name, values)
    if fits(given):
        return run(arguments.tensor(name, given, borrow=True)).share()
    rows = max(1, _PIECE // (given.nbytes // len(given)))
    out: np.ndarray | None = None
    for start in range(0, len(given), rows):
        piece = run(arguments.tensor(name, given[start : start + rows])).numpy()
        if out is None:
            out = np.empty((len(given), *piece.shape[1:]), piece.dtype)
        out[start : start + len(piece)] = piece
    assert out is not None
    return out
