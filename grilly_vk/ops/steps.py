"""Cutting long runs: no submit may take seconds, and no array need fit one device buffer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .. import arguments
from ..runtime.engine import Engine
from ..runtime.leaving import leaving
from ..runtime.recording import recording
from ..tensor import Tensor, from_numpy

_PIECE = 1 << 26  # bytes of one upload of a run that is too large for one buffer

Run = Tensor | np.ndarray  # (T, ...), float32


def steps_at_once(*runs: Run) -> int:
    """How many steps of runs (T, ...) go to the device in one piece."""
    return max(1, _PIECE // max(1, *(4 * math.prod(run.shape[1:]) for run in runs)))


def fits(array: np.ndarray) -> bool:
    """Whether a run over the first axis of a host array needs one upload only."""
    return len(array) <= steps_at_once(array)


def pieces(*runs: Run, on: Engine | None = None) -> Iterator[tuple[Tensor, ...]]:
    """Runs (T, ...) of the same length side by side on the engine in use or another, in stretches of steps."""
    steps, size = runs[0].shape[0], steps_at_once(*runs)
    for start in range(0, steps, size):
        stop = min(steps, start + size)
        yield tuple(r._rows(start, stop) if isinstance(r, Tensor) else from_numpy(r[start:stop], on=on) for r in runs)


class restoring:
    """Puts tensors back to what they held if the work inside runs out of memory or is interrupted.

    For work in several pieces, which may fail between two of them.  Nothing runs while a graph is captured, so
    nothing needs to be put back then.

    Args:
        state: tensors that the work changes in place.
        when: False: don't; the work is one piece, which is done or not.
    """

    def __init__(self, state: Iterable[Tensor], *, when: bool = True) -> None:
        self._before = [(t, t.numpy()) for t in state if not recording(t.engine)] if when else []
        self.left = 0

    def __enter__(self) -> None:
        pass

    @leaving
    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None and issubclass(kind, (MemoryError, KeyboardInterrupt)):
            try:
                for tensor, values in self._before:
                    tensor.assign(values)
            except Exception:  # a second try would fail the same way; an interrupt is tried again
                self.left += 1
                raise
        self.left += 1


def run_on_host_arrays(
    name: str, values: object, run: Callable[[Tensor], Tensor], state: Iterable[Tensor] = ()
) -> np.ndarray:
    """Applies a run over the first axis to an array-like and returns a numpy array of the same leading axis.

    Arrays that are larger than the device's largest buffer go through in pieces; `run` keeps its `state` on the
    device between them.  If memory runs out in between, the state goes back to where the run began.
    """
    if isinstance(values, Tensor):
        return run(values).share()
    given = arguments.array(name, values)
    if fits(given):
        return run(arguments.tensor(name, given, borrow=True)).share()
    out: np.ndarray | None = None
    start = 0
    with restoring(state):
        for (piece,) in pieces(given):
            done = run(piece).numpy()
            if out is None:
                out = np.empty((len(given), *done.shape[1:]), done.dtype)
            out[start : start + len(done)] = done
            start += len(done)
    assert out is not None
    return out
