"""What monitors do on the device: a ring of the last steps, and exact counters that don't overflow."""

from __future__ import annotations

import math

import numpy as np

from .. import arguments
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, full

_CURSOR = 4  # words: next place, steps held, steps ever (low, high)
_INVOCATIONS = 8192  # wanted for a count; with fewer columns the rows are shared out
_LEAST_ROWS = 16  # of one invocation

_APPEND = Kernel("monitor-append", lambda given: min(given["steps"], given["size"]) * given["n"], fours="n every")
_ADVANCE = Kernel("monitor-advance", lambda given: min(given["steps"], 1))
_COUNT = Kernel("monitor-count", over="parts n")


def ring_cursor(on: Tensor) -> Tensor:
    """The cursor of an empty ring, uint32 (4,), on the device of `on`: next place, steps held, steps ever (2 words)."""
    return full((_CURSOR,), 0, UINT32, on.engine)


def ring_append(x: Tensor, ring: Tensor, cursor: Tensor) -> None:
    """Puts steps into a ring, over the oldest ones.  Both change in place, and a replay appends again.

    Args:
        x: (T, ...), of the ring's dtype; of each step the first elements are taken, as many as the ring's steps have.
        ring: (size, ...).
        cursor: from `ring_cursor`.

    Raises:
        ValueError: steps smaller than those of the ring, or a cursor of another shape.
        TypeError: another dtype.
    """
    if x.dtype is not ring.dtype:
        raise TypeError(f"x is {x.dtype}; expected {ring.dtype}, as the ring")
    arguments.shape("cursor", cursor.shape, (_CURSOR,))
    if x.ndim < 1:
        raise ValueError(f"x has shape {x.shape}; expected (T, ...)")
    steps, size = x.shape[0], ring.shape[0]
    every, n = math.prod(x.shape[1:]), math.prod(ring.shape[1:])
    if n > every:
        raise ValueError(f"a step of x has {every} elements; expected at least {n}, as a step of the ring")
    with x.engine.lock:  # steps of two threads must not go to one place
        _APPEND(x=x, c=cursor, y=ring, n=n, every=every, steps=steps, size=size)
        _ADVANCE(c=cursor, steps=steps, size=size)
    ring.version += 1
    cursor.version += 1


def read_ring(ring: Tensor, cursor: Tensor) -> tuple[np.ndarray, int]:
    """The steps that a ring holds, oldest first, as an array of its own, and the number of steps ever put in."""
    place, held, low, high = (int(word) for word in cursor.numpy())
    values = ring._rows(0, held).numpy()  # all of it, or it has not gone round yet
    return np.roll(values, -place, axis=0) if held == len(ring) else values, low | high << 32


def spike_counters(n: int, on: Tensor) -> Tensor:
    """Counters at zero for n neurons, uint32 (2, n + 1), on the device of `on`: the last one counts rows."""
    return full((2, n + 1), 0, UINT32, on.engine)


def count_spikes(x: Tensor, counters: Tensor) -> None:
    """Adds to each neuron's counter the rows in which it is not zero, in place; a replay adds again.

    Args:
        x: (rows, ...) of any dtype; NaN counts as a spike.
        counters: from `spike_counters`, for as many neurons as a row has.

    Raises:
        ValueError: counters of another size.
    """
    if x.ndim < 1:
        raise ValueError(f"x has shape {x.shape}; expected (rows, ...)")
    rows, n = x.shape[0], math.prod(x.shape[1:])
    arguments.shape("counters", counters.shape, (2, n + 1))
    wide = 1 if n % 4 else 4
    parts = max(1, min(_INVOCATIONS * wide // max(1, n), rows // _LEAST_ROWS))
    if rows:
        _COUNT(x=x, c=counters, n=n, rows=rows, parts=parts, work=max(1, x.count // wide))
    counters.version += 1


def read_counters(counters: Tensor) -> tuple[np.ndarray, int]:
    """Counts of the neurons, int64 (n,), and the number of rows."""
    low, high = counters.numpy().astype(np.int64)
    whole = low | high << 32
    return whole[:-1], int(whole[-1])
