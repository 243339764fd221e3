"""Turning values into spikes, and the random numbers that takes."""

from __future__ import annotations

import math

import numpy as np

from .. import arguments
from ..tensor import Tensor, empty
from .over_time import over_time

LATENCY_MODES = ("linear", "log")


def encode_poisson(x: Tensor, steps: int) -> Tensor:
    """Independent spikes at each step with probability clip(x, 0, 1); NaN never fires.

    The numbers follow `grilly_vk.manual_seed`: with s the seed and d the count of random operations since, the
    element i at step t compares x with the top 24 bits of word t % 4 of Philox4x32-10 at the counter
    (i, t // 4, d mod 2**32, d // 2**32) under the key (s mod 2**32, s // 2**32).

    Args:
        x: probabilities a step, any shape.
        steps: T, may be 0.

    Returns:
        Spikes (T, *x.shape) of 0.0 and 1.0.
    """
    s = empty((steps, *x.shape))
    over_time(
        "snn-encode-poisson",
        steps,
        x.size,
        sliced={"s": s},
        whole={"x": x, "control": None},  # None: the engine's control block
        quantum=4,
    )
    return s.as_spikes()


def encode_latency(x: Tensor, steps: int, *, mode: str = "linear", floor: float = 0.01) -> Tensor:
    """One spike an element, the earlier the larger x; none where x <= 0 or x is NaN.

    "linear": at step round((1 - min(x, 1)) * (T - 1)).  "log": at round((T - 1) * log(c) / log(floor)) with
    c = clip(x, floor, 1), so that equal ratios of strength lie equally far apart.  Halves round to even.

    Args:
        x: strengths, any shape; 1 and above fire at step 0.
        steps: T, may be 0.
        mode: one of LATENCY_MODES.
        floor: strength in (0, 1) that fires at the last step in the logarithmic form, like anything weaker.

    Returns:
        Spikes (T, *x.shape) of 0.0 and 1.0.

    Source: Thorpe, Fize & Marlot, "Speed of processing in the human visual system", Nature 381 (1996).
    """
    s = empty((steps, *x.shape))
    last = max(0, steps - 1)
    over_time(
        "snn-encode-latency",
        steps,
        x.size,
        (("LOGARITHMIC", LATENCY_MODES.index(mode)),),
        sliced={"s": s},
        whole={"x": x},
        last=last,
        least=floor,
        slope=last / math.log(floor),
    )
    return s.as_spikes()


def time_expand(x: Tensor, steps: int) -> Tensor:
    """x at every step: (...) to (T, ...), bit for bit; T may be 0."""
    y = empty((steps, *x.shape), x.dtype)
    over_time("snn-time-expand", steps, x.size, sliced={"y": y}, whole={"x": x})
    return y.as_spikes(x.is_spikes)


def random_words(counter: Tensor, key: tuple[int, int]) -> Tensor:
    """Philox4x32-10 itself: four random words for each counter.

    Args:
        counter: uint32 (n, 4).
        key: two words in [0, 2**32).

    Returns:
        uint32 (n, 4).

    Raises:
        TypeError: counter is not uint32.
        ValueError: counter is not (n, 4).

    Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    if counter.dtype != np.uint32:
        raise TypeError(f"counter must be a uint32 tensor, not {counter.dtype}")
    arguments.shape("counter", counter.shape, ("n", 4))
    n = counter.shape[0]
    y = empty(counter.shape, np.uint32)
    counter.engine.launch("random-words", n, counter=counter, y=y, n=n, key0=key[0], key1=key[1])
    return y
